"""contamination.json among the compact logs: rates of the store's checks of a study's base on its sets, without any text.

Checks are those of `python -m sspo.contamination`. Logs without any have no such file, and their report no such table.
Equal content gives equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analysis.logs.column_cache import say_once
from analysis.logs.manifest import from_manifest
from sspo.errors import UserError
from sspo.runs.contamination import FOLDER, FORMAT, RATES
from sspo.runs.runlog import write_atomic


@dataclass(frozen=True)
class Completion:
    """What the model wrote after a share of each question's words."""

    share: float
    asked: int
    too_short: int
    """Questions of one word, which were not asked."""
    exact: int
    """Questions whose rest it wrote word for word."""
    rouge: float | None
    """Mean ROUGE-L; None where no question was asked."""


@dataclass(frozen=True)
class Overlap:
    """Questions that share n words in a row with a training question."""

    checked: int
    without_words: int
    """Questions that have no word, and were not checked."""
    overlapping: int


@dataclass(frozen=True)
class CheckedSet:
    """What one check says of one set."""

    check: str
    """The check's name."""
    base: str
    name: str
    questions: int
    digest: str
    """Of the questions that were checked."""
    completion: tuple[Completion, ...]
    overlap: Overlap | None
    ngram: int | None
    training: str | None
    """The training questions, in words."""


def write_contamination(store: Path, bases: Collection[Any], sets: Collection[str], folder: Path) -> None:
    """Write what the store's checks of one of `bases` say of `sets`.

    A store without any leaves a file of earlier logs as it is: a clone has the runs of a study and not its checks.
    """
    found = [
        asdict(one)
        for path in check_files(store)
        for one in _readable(path)
        if one.base in bases and one.name in sets
    ]
    if found:
        write_atomic(folder / RATES, json.dumps(found, indent=1, sort_keys=True) + "\n")


def check_files(store: Path) -> list[Path]:
    """The finished checks of a store."""
    return sorted((store / FOLDER).glob(f"*/{RATES}"))


def read_contamination(folder: Path) -> tuple[CheckedSet, ...]:
    """What compact logs hold of checks. Raises UserError where the file is damaged."""
    path = folder / RATES
    if not path.is_file():
        return ()
    try:
        return tuple(_plain(one) for one in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: restore it, or remove it for a report without it") from error


def checked_runs(manifest: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> list[int]:
    """The runs that stand for the model that was checked: those of the untrained base, or all where it has none."""
    names = {arm.name for arm in from_manifest(manifest).with_role("base")}
    return [i for i, record in enumerate(records) if record["arm"] in names] or list(range(len(records)))


def _readable(path: Path) -> list[CheckedSet]:
    """The sets of a check; none of a damaged one, which is said."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] == FORMAT:
            return _sets(path.parent.name, content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        pass
    say_once(f"note: {path} cannot be read and is left out of the report: run that check again")
    return []


def _sets(check: str, content: Mapping[str, Any]) -> list[CheckedSet]:
    training = content["training"]
    said = {
        "check": check,
        "base": content["base"],
        "ngram": content["ngram"],
        "training": None if training is None else _training(training),
    }
    return [
        _plain({**said, **content["sets"][one["set"]], "name": one["set"], **_which(one)})
        for one in content["asked"]
    ]


def _which(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"questions": asked["questions"], "digest": asked["digest"]}


def _training(training: Mapping[str, Any]) -> str:
    drawn = "" if training["whole"] else ", those that one run would draw"
    return f"{int(training['questions'])} training questions ({training['name']}{drawn})"


def _plain(one: Mapping[str, Any]) -> CheckedSet:
    """A set from plain data. Raises ValueError, TypeError or KeyError for one that says nothing."""
    overlap, ngram, training = one["overlap"], one["ngram"], one["training"]
    found = CheckedSet(
        check=str(one["check"]),
        base=str(one["base"]),
        name=str(one["name"]),
        questions=int(one["questions"]),
        digest=str(one["digest"]),
        completion=tuple(_completion(row) for row in one["completion"]),
        overlap=None
        if overlap is None
        else Overlap(int(overlap["checked"]), int(overlap["without_words"]), int(overlap["overlapping"])),
        ngram=None if ngram is None else int(ngram),
        training=None if training is None else str(training),
    )
    counts = [(row.exact, row.asked) for row in found.completion]
    counts += [] if found.overlap is None else [(found.overlap.overlapping, found.overlap.checked)]
    if any(not 0 <= events <= n for events, n in counts):
        raise ValueError("more events than questions")
    return found


def _completion(row: Mapping[str, Any]) -> Completion:
    rouge = None if row["rouge"] is None else float(row["rouge"])
    return Completion(float(row["share"]), int(row["asked"]), int(row["too_short"]), int(row["exact"]), rouge)
