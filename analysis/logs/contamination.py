"""contamination.json of the compact logs: rates of the store's checks of a study's base on its sets, without any text.

Checks are those of `python -m sspo.contamination`. Logs without checks have no such file, and their report no such table.
Equal content gives equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from analysis.logs.column_cache import say_once
from analysis.logs.manifest import from_manifest
from analysis.logs.run_files import DIVERGED, DONE, configuration
from sspo.errors import UserError
from sspo.runs.contamination import (
    FOLDER,
    RATES,
    check_completion,
    check_overlap,
    check_rates,
    count,
    flag,
    text,
    training_name,
)
from sspo.runs.identity import cell_folder
from sspo.runs.runlog import write_atomic

T = TypeVar("T")
RECORDS = "runs.json"
"""File of the runs, as in analysis.logs.compact, which imports this module."""


@dataclass(frozen=True)
class Completion:
    """The model's completions of each question after a share of its words."""

    share: float
    asked: int
    too_short: int
    """Questions of one word, which are not prompted."""
    exact: int
    """Questions whose rest the model completed word for word."""
    rouge: float | None
    """Mean ROUGE-L; None if no question was prompted."""


@dataclass(frozen=True)
class Overlap:
    """Questions that share n words in a row with a training question."""

    checked: int
    not_checked: int
    """Questions with too few words to be searched for."""
    overlapping: int
    whole: int
    """Overlapping questions of fewer than n words, all of which occur in a training question."""


ROW, COUNTS = (tuple(field.name for field in fields(kind)) for kind in (Completion, Overlap))


@dataclass(frozen=True)
class CheckedSet:
    """The result of one check of one set."""

    check: str
    """The check's name."""
    base: str
    name: str
    questions: int
    digest: str
    """Digest of the questions that were checked."""
    completion: tuple[Completion, ...]
    overlap: Overlap | None
    precision: str | None = None
    """Precision of the model's forward passes, if the model was used."""
    ngram: int | None = None
    training: str | None = None
    """The training questions, in words."""
    training_digest: str | None = None
    own_training: bool | None = None
    """Whether a run of the study trains on questions of that name; None if no run states its questions."""


def write_contamination(store: Path, bases: Collection[Any], sets: Collection[str], folder: Path) -> None:
    """Write the results of the store's checks of any of `bases` on `sets`.

    A store without checks leaves the file of earlier logs as it is: a clone has a study's runs but not its checks.
    """
    files = check_files(store)
    trained = _trained(store, folder) if files else set()
    found = [
        asdict(one)
        for path in files
        for one in _readable(path, trained)
        if one.base in bases and one.name in sets
    ]
    if found:
        write_atomic(folder / RATES, json.dumps(found, indent=1, sort_keys=True) + "\n")


def check_files(store: Path) -> list[Path]:
    """Return the files of the finished checks of a store."""
    return sorted((store / FOLDER).glob(f"*/{RATES}"))


def read_contamination(folder: Path) -> tuple[CheckedSet, ...]:
    """Read the checks of compact logs. Raises UserError if the file is damaged."""
    path = folder / RATES
    if not path.is_file():
        return ()
    try:
        return tuple(_plain(one) for one in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: restore it, or remove it for a report without it") from error


def checked_runs(manifest: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the runs that represent the checked model: those of the untrained base, or all runs if it has none."""
    names = {arm.name for arm in from_manifest(manifest).with_role("base")}
    return [i for i, record in enumerate(records) if record["arm"] in names] or list(range(len(records)))


def _readable(path: Path, trained: Collection[str]) -> list[CheckedSet]:
    """Return the sets of a check; for a damaged check, print a note and return none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check_rates(content)
        return _sets(path.parent.name, content, trained)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        say_once(
            f"note: {path} cannot be read by this version and is left out of the report: remove {path.parent} and run that "
            "check again"
        )
    return []


def _trained(store: Path, folder: Path) -> set[str]:
    """Return the names of the questions that the study's runs train on, as far as their configurations state them."""
    names = set()
    for record in json.loads((folder / RECORDS).read_text(encoding="utf-8")):
        if record["status"] not in (DONE, DIVERGED):
            continue
        path = cell_folder(store, record["cell"], record["seed"], record.get("level", ""))
        task = configuration(path).get("task")
        if isinstance(task, Mapping) and isinstance(task.get("name"), str):
            train = task.get("train")
            names.add(training_name(train if isinstance(train, str) else None, task["name"]))
    return names


def _sets(check: str, content: Mapping[str, Any], trained: Collection[str]) -> list[CheckedSet]:
    training = content["training"]
    said = {
        "check": check,
        "base": content["base"],
        "precision": content["precision"],
        "ngram": content["ngram"],
        "training": None if training is None else _training(training),
        "training_digest": None if training is None else training["digest"],
        "own_training": None if training is None or not trained else training["name"] in trained,
    }
    return [
        _plain({**said, **content["sets"][one["set"]], "name": one["set"], **_which(one)})
        for one in content["asked"]
    ]


def _which(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"questions": asked["questions"], "digest": asked["digest"]}


def _training(training: Mapping[str, Any]) -> str:
    drawn = "" if training["whole"] else ", those that one run would draw"
    return f"{training['questions']} training questions ({training['name']}{drawn})"


def _plain(one: Mapping[str, Any]) -> CheckedSet:
    """Build a set from plain data. Raises ValueError, TypeError or KeyError if it is not valid."""
    questions, overlap = count(one["questions"]), one["overlap"]
    for row in one["completion"]:
        check_completion(row, questions)
    if overlap is not None:
        check_overlap(overlap, questions)
    return CheckedSet(
        check=text(one["check"]),
        base=text(one["base"]),
        name=text(one["name"]),
        questions=questions,
        digest=text(one["digest"]),
        completion=tuple(Completion(**{label: row[label] for label in ROW}) for row in one["completion"]),
        precision=_optional(text, one["precision"]),
        overlap=None if overlap is None else Overlap(**{label: overlap[label] for label in COUNTS}),
        ngram=_optional(count, one["ngram"]),
        training=_optional(text, one["training"]),
        training_digest=_optional(text, one["training_digest"]),
        own_training=_optional(flag, one["own_training"]),
    )


def _optional(kind: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else kind(value)
