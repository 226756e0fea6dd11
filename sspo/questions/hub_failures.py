"""Failures of `datasets` and the hub, in one sentence that usually names a folder to use instead."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sspo.errors import nearest
from sspo.hub.failures import Wanted
from sspo.hub.failures import one_sentence as in_one_sentence

if TYPE_CHECKING:
    from sspo.questions.named_set import NamedSet


def one_sentence(
    name: str, known: NamedSet, revision: str | None, where: str
) -> contextlib.AbstractContextManager[None]:
    """Turn the exceptions of `datasets` and the hub's client inside the `with` block into a UserError."""
    import pyarrow
    from datasets.exceptions import DatasetsError

    instead = f"set task.folder=FOLDER with the questions in {_file(name, known)} to avoid it"
    wanted = Wanted(
        what=where, kind="data set", repo=known.hub, revision=revision, instead=instead, pronoun="them"
    )
    return in_one_sentence(
        wanted, (DatasetsError, pyarrow.ArrowException), lambda error: _no_configuration(error, known)
    )


def _file(name: str, known: NamedSet) -> str:
    return f"FOLDER/{name}.jsonl" if known.train is None else f"FOLDER/{name}/train.jsonl and test.jsonl"


def _no_configuration(error: BaseException, known: NamedSet) -> str | None:
    """Return the message for an unknown configuration in `datasets`, or None for a different error."""
    if not str(error).startswith("BuilderConfig"):
        return None
    offered = [part.strip(" '\"[]") for part in str(error).partition("[")[2].split(",")]
    close = nearest(str(known.config), offered)
    hint = f"; did it become '{close}'?" if close else ""
    return f"{known.hub} has no configuration '{known.config}'{hint}"
