"""Named sets from the Hugging Face hub, through `datasets`: one revision and one content, both enforced by the lock.

Loaded sets stay in the cache of `datasets` and are read from there if the hub cannot be reached. Only tables are read
(Parquet, JSON, CSV, Arrow): no code of a repository is run and no pickle is opened.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sspo.errors import UserError, unknown
from sspo.questions.columns import problems
from sspo.questions.golds import GOLDS
from sspo.questions.hub_failures import one_sentence
from sspo.questions.lock_file import Entry, add_entry, entry_of
from sspo.questions.named_set import NamedSet
from sspo.questions.question_set import QuestionSet, question_set

TABLES = ("parquet", "json", "csv", "arrow")
CACHED = "cache"
"""Name that `datasets` gives to a table from its cache when the hub is out of reach: the newest one there."""
COMMIT_DIGITS = 40


def from_hub(name: str, known: NamedSet, part: str, lock: Path) -> QuestionSet:
    """Return the part `train` or `test` of a named set. A set that the lock lists is loaded only when its questions are
    used.

    Raises UserError if the hub does not have it, or its content differs from the lock.
    """
    key = f"{name}/{part}"
    entry = entry_of(lock, key)
    if entry is None:
        loaded, revision = _load(name, known, part, known.revision)
        rows = len(loaded.load())
        entry = add_entry(lock, key, Entry(hub=known.hub, revision=revision, sha256=loaded.digest, rows=rows))
    if entry.hub != known.hub:
        raise UserError(
            f"task.lock={lock}: the questions of {key} came from {entry.hub}, and this code uses those of {known.hub}; "
            "use a different lock file for studies on them"
        )
    return QuestionSet(entry.sha256, functools.partial(_enforced, name, known, part, lock, entry))


def _enforced(name: str, known: NamedSet, part: str, lock: Path, entry: Entry) -> Any:
    """Return the problems of the locked revision. Raises UserError if their content differs."""
    loaded, _ = _load(name, known, part, entry.revision)
    if loaded.digest != entry.sha256:
        raise UserError(
            f"the questions of {name} ({part}) at revision {entry.revision[:12]} of {known.hub} have the SHA-256 "
            f"{loaded.digest[:12]}..., but task.lock={lock} records {entry.sha256[:12]}...: they differ from those that the study "
            "relies on"
        )
    return loaded.load()


@functools.lru_cache(maxsize=32)
def _load(name: str, known: NamedSet, part: str, revision: str | None) -> tuple[QuestionSet, str]:
    """Return the questions of a part, and the commit that they came from."""
    split = known.train if part == "train" else known.test
    where = f"the questions of {name} ({part}) from the hub's {known.hub}"
    table, commit = _table(name, known, str(split), revision, where)
    rows = _numbered(table, known)
    return question_set(problems(rows, known.columns, where, gold=GOLDS[known.gold]), where), commit


def _table(name: str, known: NamedSet, split: str, revision: str | None, where: str) -> tuple[Any, str]:
    """Return the rows of a split, and the commit that they came from."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity_error()  # it logs every retry
    with one_sentence(name, known, revision, where):
        builder = datasets.load_dataset_builder(known.hub, known.config, revision=revision)
        kind = type(builder).__module__.removeprefix("datasets.packaged_modules.").partition(".")[0]
        if kind not in (*TABLES, CACHED):
            raise UserError(
                f"{where} are not a table but '{kind}', which is not read; valid: {', '.join(TABLES)}"
            )
        commit = _commit(builder.hash, revision, where)
        builder.download_and_prepare()
        splits = sorted(builder.info.splits or ())
        if split not in splits:
            raise unknown(f"split of {known.hub}", split, splits)
        return builder.as_dataset(split=split), commit


def _commit(found: object, wanted: str | None, where: str) -> str:
    """Return the commit that a builder's cache is named after. Raises UserError if it differs from the required one."""
    commit = str(found)
    if len(commit) != COMMIT_DIGITS or set(commit) - set("0123456789abcdef"):
        raise UserError(f"{where} come from an unidentified commit: {commit[:80]}")
    if wanted is not None and commit != wanted:
        raise UserError(
            f"{where}: revision {wanted} is not available: the hub does not answer and the cache has only {commit}"
        )
    return commit


def _numbered(table: Any, known: NamedSet) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, row in enumerate(table, 1):
        if known.only and known.only[0] not in row:
            raise unknown(f"column of {known.hub}", known.only[0], list(row))
        if not known.only or str(row[known.only[0]]) in known.only[1:]:
            yield place, row
