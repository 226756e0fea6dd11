"""Numbers of several runs as rows: measures at the first, middle and last rollout, and scores of the last
evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.single_runs.measures import HELD_OUT, MEASURES, RunMeasure
from analysis.single_runs.read import Run

NOT_LOGGED = "not logged"
AVERAGE = "average of sets"


@dataclass(frozen=True)
class MeasureRow:
    """A measure of every run: rollouts done, mapped to values; empty for a run that has not logged it."""

    measure: RunMeasure
    runs: Sequence[Mapping[int, float]]

    def ends(self, run: int) -> list[float]:
        """Return a run's first, middle and last value: two values have no middle, and one is the last. Empty
        if there is none.
        """
        values = self.values(run)
        if not values:
            return []
        first = values[0] if len(values) > 1 else math.nan
        return [first, values[(len(values) - 1) // 2] if len(values) > 2 else math.nan, values[-1]]

    def values(self, run: int) -> list[float]:
        """Return a run's finite values by rollout."""
        return [value for value in self.line(run) if math.isfinite(value)]

    def line(self, run: int) -> list[float]:
        """Return a run's values by rollout, nan where none was logged."""
        found = self.runs[run]
        return [found[at] for at in sorted(found)]


@dataclass(frozen=True)
class ScoreRow:
    """A set under a decoding: one score per run, nan for a run that did not answer it."""

    name: str
    decoding: str
    scores: Sequence[float]


def measure_rows(runs: Sequence[Run]) -> list[MeasureRow]:
    """Return held-out accuracy while training, then every measure that is always shown or that a run has
    logged.
    """
    rows = [
        MeasureRow(measure, [run.measures.get(measure.label, {}) for run in runs])
        for measure in MEASURES
        if measure.always or any(measure.label in run.measures for run in runs)
    ]
    rows.insert(1, MeasureRow(HELD_OUT, [run.held_out.curve for run in runs]))
    return rows


def score_rows(runs: Sequence[Run]) -> list[ScoreRow]:
    """Return the last evaluation: one row per decoding and set, and the unweighted average if a run has
    several sets.
    """
    decodings = dict.fromkeys(decoding for run in runs for decoding in run.held_out.last)
    rows = []
    for decoding in decodings:
        scores = [run.held_out.last.get(decoding, {}) for run in runs]
        sets = list(dict.fromkeys(name for of in scores for name in of))
        how = said_decoding(*decoding)
        rows += [ScoreRow(name, how, [of.get(name, math.nan) for of in scores]) for name in sets]
        if len(sets) > 1:
            whole = [fmean(of.values()) if len(of) == len(sets) else math.nan for of in scores]
            rows.append(ScoreRow(AVERAGE, how, whole))
    return rows


def score_grid(runs: Sequence[Run]) -> tuple[list[str], list[str], list[list[float]]]:
    """Return row names, heads and scores: for one run, one row per set and one column per decoding; for
    several, one column per run.
    """
    rows = score_rows(runs)
    if len(runs) > 1:
        names = [f"{row.name}, {row.decoding}" for row in rows]
        return names, [run.label for run in runs], [list(row.scores) for row in rows]
    scores = {(row.name, row.decoding): row.scores[0] for row in rows}
    sets, decodings = ([*dict.fromkeys(key[i] for key in scores)] for i in range(2))
    if AVERAGE in sets:
        sets = [*(name for name in sets if name != AVERAGE), AVERAGE]
    return sets, decodings, [[scores.get((name, how), math.nan) for how in decodings] for name in sets]


def said_decoding(mode: str, temperature: float) -> str:
    """Return `greedy` or `T = 0.6`."""
    return f"T = {temperature:g}" if mode == "sampled" else mode


def evaluated(run: Run) -> str:
    """Return in words when the last evaluation was."""
    if not run.held_out.last:
        return "not evaluated"
    which = f"after rollout {run.held_out.after}" if run.held_out.after else "before training"
    return f"{which}, final" if run.held_out.final else which


def facts(run: Run) -> list[tuple[str, str]]:
    """Return a run's facts other than its state and its path, as names with values."""
    planned = f" of {run.planned}" if run.planned is not None else ""
    took = f" in {run.seconds:,.0f} s" if isinstance(run.seconds, int | float) else ""
    rows = [("rollouts", f"{run.rollouts}{planned}{took}"), ("objective", _objective(run))]
    return [*rows, ("base model", str(run.config.get("model.path", "not recorded"))), ("code", _code(run))]


def _objective(run: Run) -> str:
    """Return the objective's name, ratio, bounds and cuts."""
    config = run.config
    parts = [str(config.get("objective.name") or "not recorded")]
    if config.get("objective.ratio"):
        parts.append(f"{config['objective.ratio']} ratio")
    if config.get("objective.clip.low") is not None:
        parts.append(f"clip {config['objective.clip.low']}/{config.get('objective.clip.high')}")
    if config.get("segmentation.rule"):
        parts.append(f"segmentation {config['segmentation.rule']}")
    return ", ".join(parts)


def _code(run: Run) -> str:
    found = run.environment
    revision = found.get("git_revision")
    if not revision:
        return "not recorded"
    dirty = " with uncommitted changes" if found.get("git_diff_sha256") or found.get("git_dirty") else ""
    key = f", code key {found['code_key']}" if found.get("code_key") else ""
    return f"{str(revision)[:12]}{dirty}{key}"
