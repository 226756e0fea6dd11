"""Named sets from the Hugging Face hub, through `datasets`: one revision, one content, both held to the lock.

What was loaded once lies in the cache of `datasets` and is taken from there where the hub cannot be reached. Tables alone are
read (Parquet, JSON, CSV, Arrow): no code of a repository is run and no pickle is opened.
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
from sspo.questions.lock_file import LockEntry, add_entry, entry_of
from sspo.questions.named_set import NamedSet
from sspo.questions.question_set import QuestionSet, question_set

TABLES = ("parquet", "json", "csv", "arrow")
CACHED = "cache"
"""What `datasets` calls a table that it takes from its cache, because the hub is out of reach: the newest one there."""
COMMIT_DIGITS = 40


def from_hub(name: str, known: NamedSet, part: str, lock: Path) -> QuestionSet:
    """The part `train` or `test` of a named set. What the lock knows is not loaded before its questions are asked for.

    Raises UserError where the hub does not have it, or has another content than the lock says.
    """
    key = f"{name}/{part}"
    entry = entry_of(lock, key)
    if entry is None:
        loaded, revision = _load(name, known, part, known.revision)
        rows = len(loaded.load())
        entry = add_entry(
            lock, key, LockEntry(hub=known.hub, revision=revision, sha256=loaded.digest, rows=rows)
        )
    if entry.hub != known.hub:
        raise UserError(
            f"task.lock={lock}: the questions of {key} came from {entry.hub}, and this code takes those of {known.hub}; "
            "use another lock file for studies on them"
        )
    return QuestionSet(entry.sha256, functools.partial(_enforced, name, known, part, lock, entry))


def _enforced(name: str, known: NamedSet, part: str, lock: Path, entry: LockEntry) -> Any:
    """The problems of the locked revision. Raises UserError where their content is another."""
    loaded, _ = _load(name, known, part, entry.revision)
    if loaded.digest != entry.sha256:
        raise UserError(
            f"the questions of {name} ({part}) at revision {entry.revision[:12]} of {known.hub} have the SHA-256 "
            f"{loaded.digest[:12]}..., and task.lock={lock} says {entry.sha256[:12]}...: they are not those that the study "
            "stands on"
        )
    return loaded.load()


@functools.lru_cache(maxsize=32)
def _load(name: str, known: NamedSet, part: str, revision: str | None) -> tuple[QuestionSet, str]:
    """The questions of a part, and the commit that they came from."""
    split = known.train if part == "train" else known.test
    where = f"the questions of {name} ({part}) from the hub's {known.hub}"
    table, commit = _table(name, known, str(split), revision, where)
    rows = _numbered(table, known)
    return question_set(problems(rows, known.columns, where, gold=GOLDS[known.gold]), where), commit


def _table(name: str, known: NamedSet, split: str, revision: str | None, where: str) -> tuple[Any, str]:
    """Rows of a split, and the commit that they came from."""
    import datasets
    import huggingface_hub

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity_error()  # it says each time that it tries again
    with one_sentence(name, known, revision, where):
        builder = datasets.load_dataset_builder(known.hub, known.config, revision=revision)
        kind = type(builder).__module__.removeprefix("datasets.packaged_modules.").partition(".")[0]
        if kind not in (*TABLES, CACHED):
            raise UserError(
                f"{where} are no table but '{kind}', which is not read; valid: {', '.join(TABLES)}"
            )
        commit = _commit(builder.hash, revision, where)
        builder.download_and_prepare()
        splits = sorted(builder.info.splits or ())
        if split not in splits:
            raise unknown(f"split of {known.hub}", split, splits)
        return builder.as_dataset(split=split), commit


def _commit(found: object, wanted: str | None, where: str) -> str:
    """The commit that a builder's cache is named by. Raises UserError where it is not the wanted one."""
    commit = str(found)
    if len(commit) != COMMIT_DIGITS or set(commit) - set("0123456789abcdef"):
        raise UserError(f"{where} come from no commit that can be told: {commit[:80]}")
    if wanted is not None and commit != wanted:
        raise UserError(
            f"{where}: revision {wanted} cannot be had, as the hub does not answer and the cache has {commit} alone"
        )
    return commit


def _numbered(table: Any, known: NamedSet) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, row in enumerate(table, 1):
        if known.only and known.only[0] not in row:
            raise unknown(f"column of {known.hub}", known.only[0], list(row))
        if not known.only or str(row[known.only[0]]) in known.only[1:]:
            yield place, row
