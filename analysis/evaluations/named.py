"""The given evaluations, and their names."""

from __future__ import annotations

import itertools
import string
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from analysis.importers.limits import clean, shown_path
from analysis.importers.outcomes.outcomes import Outcomes
from analysis.importers.outcomes.read import read_outcomes
from analysis.importers.outcomes.sspo import read_folder
from sspo.errors import UserError
from sspo.runs import runlog

MOST = len(string.ascii_uppercase)


@dataclass(frozen=True)
class NamedEvaluation:
    """An evaluation, and its letter in tables."""

    letter: str
    outcomes: Outcomes
    partial: bool = False
    """Whether it counts even if it is not finished."""
    place: str = ""
    """The end of its folder or file, if another evaluation has the same name."""

    @property
    def counts(self) -> bool:
        """Return whether it has scores to show and to compare."""
        return not self.outcomes.rows.empty and (self.outcomes.finished or self.partial)

    @property
    def title(self) -> str:
        """Return letter and name, marked if it is unfinished."""
        title = f"{self.letter}: {self.outcomes.name}" + (f" ({self.place})" if self.place else "")
        return title if self.outcomes.finished else f"{title} (unfinished, {self.answers})"

    @property
    def answers(self) -> str:
        """Return the number of its answers so far, in words."""
        return f"{len(self.outcomes.rows):,} answers"


def read_named(paths: Sequence[Path], metrics: Sequence[str] = (), *, partial: bool) -> list[NamedEvaluation]:
    """Read the evaluations at these paths, lettered in their order; `metrics` score an answer if a tool logs several.

    Raises UserError for a path without an evaluation.
    """
    found = [outcomes for path in paths for outcomes in outcomes_of(path, metrics)]
    if len(found) > MOST:
        raise UserError(f"{len(found)} evaluations were given: at most {MOST} can be shown side by side")
    letters = string.ascii_uppercase[: len(found)]
    return [
        NamedEvaluation(letter, one, partial, place)
        for letter, one, place in zip(letters, found, _places(found), strict=True)
    ]


def _places(found: Sequence[Outcomes]) -> list[str]:
    """Return, for evaluations that share a name, as much of the end of their path as makes them distinct."""
    by_name: dict[str, set[tuple[str, ...]]] = {}
    for one in found:
        by_name.setdefault(one.name, set()).add(_place(one))
    names = Counter(one.name for one in found)
    return [
        clean("/".join(_place(one)[-_needed(by_name[one.name]) :])) if names[one.name] > 1 else ""
        for one in found
    ]


def _place(one: Outcomes) -> tuple[str, ...]:
    path = one.files[0].absolute()
    return (path.parent if path.name == runlog.EVAL else path).parts


def _needed(places: Set[tuple[str, ...]]) -> int:
    """Return the number of last path parts that make all of them distinct."""
    return next(n for n in itertools.count(1) if len({place[-n:] for place in places}) == len(places))


def outcomes_of(path: Path, metrics: Sequence[str] = ()) -> list[Outcomes]:
    """Read the evaluations at a path: a folder of ours, finished or not, or results of another tool.

    Raises UserError if there are none.
    """
    if (path / runlog.EVAL).is_file():
        return [read_folder(path)]
    if not path.exists():
        raise UserError(f"{shown_path(path)} does not exist")
    if (path / runlog.CONFIG).is_file() and (path / runlog.ENVIRONMENT).is_file():
        raise UserError(f"{shown_path(path)} has no answers yet: let it continue")
    found = read_outcomes(path, metrics)
    if not found:
        raise UserError(
            f"{shown_path(path)} holds no results by question: pass the folder of an evaluation or of a training run, or results of "
            "lm-eval, lighteval, evalscope or verl"
        )
    return found
