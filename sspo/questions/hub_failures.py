"""What goes wrong between us and the hub, in one sentence that says what to do: mostly, which folder to give instead."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sspo.errors import UserError, nearest

if TYPE_CHECKING:
    from sspo.questions.named_set import NamedSet

LONGEST = 200
"""Characters of a library's own message that are repeated."""


@contextlib.contextmanager
def one_sentence(name: str, known: NamedSet, revision: str | None, where: str) -> Iterator[None]:
    """Turn what `datasets` and the hub's client raise inside the `with` block into a UserError."""
    import httpx2
    import pyarrow
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except UserError:
        raise
    except (
        DatasetsError,
        HfHubHTTPError,
        httpx2.HTTPError,
        pyarrow.ArrowException,
        OSError,
        ValueError,
    ) as error:
        raise UserError(
            f"{where} cannot be had: {_why(error, known, revision)}; give task.folder=FOLDER with the questions in {_file(name, known)} to do without it"
        ) from error


def _file(name: str, known: NamedSet) -> str:
    return f"FOLDER/{name}.jsonl" if known.train is None else f"FOLDER/{name}/train.jsonl and test.jsonl"


def _why(error: BaseException, known: NamedSet, revision: str | None) -> str:
    """The cause among an error and those that it came from that says most."""
    import httpx2
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RevisionNotFoundError

    for cause in _causes(error):
        if isinstance(cause, GatedRepoError):
            return f"{known.hub} wants you to accept its terms on the hub and to set HF_TOKEN"
        if isinstance(cause, RevisionNotFoundError):
            return f"{known.hub} has no revision {revision}"
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            return _status(cause.response.status_code, known)
    chain = list(_causes(error))
    if any(type(cause).__name__ in ("DatasetNotFoundError", "RepositoryNotFoundError") for cause in chain):
        return f"the hub has no data set {known.hub}, or asks for an account (HF_TOKEN)"
    if any(isinstance(cause, httpx2.RemoteProtocolError | httpx2.ReadError) for cause in chain):
        return "the download broke off, also when it was tried again"
    if any(_unreachable(cause) for cause in chain):
        return "the hub cannot be reached, and the cache does not have them"
    if str(error).startswith("BuilderConfig"):
        return f"{known.hub} has no configuration '{known.config}'{_closest(str(error), known)}"
    return " ".join(str(chain[-1]).split())[:LONGEST] or type(chain[-1]).__name__


def _status(status: int, known: NamedSet) -> str:
    if status in (401, 403):
        return f"the hub refuses {known.hub} to this account ({status}), or does not have it: set HF_TOKEN"
    if status == 404:
        return f"the hub has no data set {known.hub}, or not all of its files (404)"
    return f"the hub answers {status}"


def _closest(message: str, known: NamedSet) -> str:
    offered = [part.strip(" '\"[]") for part in message.partition("[")[2].split(",")]
    close = nearest(str(known.config), offered)
    return f"; did it become '{close}'?" if close else ""


def _unreachable(cause: BaseException) -> bool:
    """Whether nobody answered, or the hub is switched off."""
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
