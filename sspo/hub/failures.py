"""Failures of the Hugging Face hub, in one sentence that names the remedy: usually a folder to use instead."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sspo.errors import NotHere, UserError

PATIENCE = 5.0
"""Seconds after which a message reports the wait: the hub's client retries silently for most of a minute."""
LONGEST = 200
"""Maximum characters of a library's own message that are repeated."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The object requested from the hub, in the words of a message."""

    what: str
    kind: str
    """`data set` or `model`."""
    repo: str
    revision: str | None
    instead: str
    """The remedy without the hub."""
    pronoun: str = "it"


@contextlib.contextmanager
def one_sentence(
    wanted: Wanted,
    others: tuple[type[Exception], ...] = (),
    say: Callable[[BaseException], str | None] = lambda _: None,
) -> Iterator[None]:
    """Turn the exceptions of the hub's client inside the `with` block into NotHere, a UserError.

    `others` are the exceptions of a library above the client; `say` may translate one of them.
    """
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    known: tuple[type[Exception], ...] = (*others, HfHubHTTPError, httpx2.HTTPError, OSError, ValueError)
    waiting = threading.Timer(PATIENCE, _say_waiting, [wanted])
    waiting.daemon = True
    waiting.start()
    try:
        yield
    except UserError:
        raise
    except known as error:
        raise NotHere(
            f"{wanted.what} cannot be downloaded: {_why(error, wanted, say)}; {wanted.instead}"
        ) from error
    finally:
        waiting.cancel()


def _say_waiting(wanted: Wanted) -> None:
    print(
        f"waiting for {wanted.what} (HF_HUB_OFFLINE=1 uses only the cache)",
        file=sys.stderr,
        flush=True,
    )


def _why(error: BaseException, wanted: Wanted, say: Callable[[BaseException], str | None]) -> str:
    """Return the most informative cause among an error and those that it came from."""
    import httpx2
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RevisionNotFoundError

    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, GatedRepoError):
            return f"{wanted.repo} requires you to accept its terms on the hub and to set HF_TOKEN"
        if isinstance(cause, RevisionNotFoundError):
            return f"{wanted.repo} has no revision {wanted.revision}"
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            return _status(cause.response.status_code, wanted)
    if any(type(cause).__name__ in ("DatasetNotFoundError", "RepositoryNotFoundError") for cause in chain):
        return f"the hub has no {wanted.kind} {wanted.repo}, or requires an account (HF_TOKEN)"
    if any(isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError) for cause in chain):
        return "the download was interrupted, also when it was retried"
    if any(_unreachable(cause) for cause in chain):
        return f"the hub cannot be reached, and the cache does not have {wanted.pronoun}"
    return say(error) or " ".join(str(chain[-1]).split())[:LONGEST] or type(chain[-1]).__name__


def _status(status: int, wanted: Wanted) -> str:
    if status in (401, 403):
        return f"the hub refuses {wanted.repo} to this account ({status}), or does not have it: set HF_TOKEN"
    if status == 404:
        return f"the hub has no {wanted.kind} {wanted.repo}, or not all of its files (404)"
    return f"the hub answers {status}"


def _unreachable(cause: BaseException) -> bool:
    """Return whether the hub did not answer, or is switched off."""
    import httpx2
    from huggingface_hub.errors import LocalEntryNotFoundError

    offline = "offline" in type(cause).__name__.lower() or "HF_HUB_OFFLINE" in str(cause)
    return offline or isinstance(cause, httpx2.TransportError | ConnectionError | LocalEntryNotFoundError)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        yield cause
        cause = cause.__cause__ or cause.__context__
