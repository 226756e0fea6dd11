"""How fast arms learn: the area under their held-out curves, by rollouts, tokens and seconds, and when they
reach a score.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.checks.matching import label_cell
from analysis.evidence.evidence import Evidence, trained_arms
from analysis.evidence.held_out import curve_answers
from analysis.evidence.learning import BY_TOKENS, ROLLOUTS, SECONDS, TOKENS, Learning, learning
from analysis.evidence.result_traces import counted_runs
from analysis.logs.manifest import Arm
from analysis.logs.trace import RECORD, TIMING, Trace, answers, joined, metric, trace
from analysis.statistics import t_interval
from analysis.statistics.families import FEWEST_RUNS
from analysis.statistics.standing import median_reached
from analysis.tables.results import GROUPS, INTERVAL
from analysis.text.numbers import score, spread
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table

NOTHING = Cell("–")
AREA, NEVER = "mean score by rollouts", "never reach it"
AREA_OF_LOGGED = "mean score by logged steps"
AREA_BY = {BY_TOKENS: "mean score by tokens", SECONDS: "mean score by seconds"}
REACHED = {
    ROLLOUTS: "rollouts to the target",
    BY_TOKENS: "tokens to the target",
    SECONDS: "seconds to the target",
}


@dataclass(frozen=True)
class _Study:
    """Data that every row needs."""

    evidence: Evidence
    found: Learning
    curves: str
    """The stream of the answers behind the curves."""
    everyone: list[int]
    """All trained runs with a curve: matched lengths and targets depend on them."""

    def runs(self, arm: Arm) -> list[int]:
        return [run for run in self.evidence.counted(arm) if run in self.found.curves]

    def trace(self, formula: str, runs: list[int], values: Mapping[int, float]) -> Trace:
        return trace(formula, [self.curves, RECORD], runs, values)

    def of_target(self) -> Trace:
        """Return the data behind the target."""
        curves = trace("", [self.curves, RECORD], self.everyone)
        base = trace("", [answers("sampled", 1.0)], counted_runs(self.evidence, "base"))
        return joined("", curves, base)

    def of(self, what: str) -> Trace:
        """Return the data behind lengths in tokens or seconds, of all runs: the smallest total limits the
        areas.
        """
        return trace("", [{BY_TOKENS: metric(TOKENS), SECONDS: TIMING}[what], RECORD], self.everyone)

    def matched(self) -> list[str]:
        """Return the scales other than rollouts on which curves are matched."""
        lengths = {BY_TOKENS: self.found.tokens, SECONDS: self.found.seconds}
        return [what for what, length in lengths.items() if length is not None]


def _area_head(evidence: Evidence) -> str:
    return AREA_OF_LOGGED if evidence.logged else AREA


def learning_table(evidence: Evidence) -> Table | None:
    """Return one row per trained arm; None with fewer than two of them, or without held-out scores at two
    points.
    """
    found = learning(evidence) if len(trained_arms(evidence)) > 1 else None
    if found is None:
        return None
    arms = [arm for arm in trained_arms(evidence) if any(r in found.curves for r in evidence.counted(arm))]
    if len(arms) < 2:
        return None
    rows = curve_answers(evidence)
    decoding = (
        (evidence.study.mode, evidence.study.temperature) if evidence.study.imported else ("sampled", 1.0)
    )
    stream = answers(*decoding, final=bool(rows["final"].any()))
    study = _Study(evidence, found, stream, counted_runs(evidence, "arm", "no_clip", "aa"))
    columns: dict[str, Callable[[_Study, Arm], Cell]] = {_area_head(evidence): _area}
    columns |= {AREA_BY[what]: functools.partial(_area_by, what) for what in study.matched()}
    if found.target is not None:
        columns |= {REACHED[ROLLOUTS]: functools.partial(_reached, ROLLOUTS), NEVER: _never}
        columns |= {REACHED[what]: functools.partial(_reached, what) for what in study.matched()}
    table_rows = tuple(
        Row(GROUPS[arm.role], (label_cell(evidence, arm), *(cell(study, arm) for cell in columns.values())))
        for arm in arms
    )
    source = (
        study.of_target()
        if found.target is None
        else joined("the target and what is matched", study.of_target(), *map(study.of, study.matched()))
    )
    return Table(
        "learning",
        (
            f"How fast arms learn: {_scores(study)}{' (%)' if evidence.unit.percent else ''} averaged over training{_and_target(found)}.",
        ),
        ("arm", *columns),
        table_rows,
        title="How fast arms learn",
        caption_trace=source,
        notes=_notes(study),
        meanings=_meanings(study),
        qualifiers=dict.fromkeys((_area_head(evidence), *AREA_BY.values()), INTERVAL)
        if _tested(study, arms)
        else {},
    )


def _scores(study: _Study) -> str:
    """Return what the scores of its curves are: a logged metric need not be held-out."""
    return "the primary metric" if study.evidence.logged else "held-out scores"


def _places_of(study: _Study) -> str:
    return "logged steps" if study.evidence.logged else "rollouts"


def _area(study: _Study, arm: Arm) -> Cell:
    runs = study.runs(arm)
    of_run = {run: study.found.area(run) for run in runs}
    formula = (
        f"mean over runs of the mean height of {_scores(study)} over {_places_of(study)} 0 to {study.found.rollouts:g}, by straight "
        f"lines between {'values' if study.evidence.logged else 'evaluations'}; ± is half a 95 % t interval"
    )
    return _mean(study, "area", of_run, study.trace(formula, runs, _scaled(study, of_run)))


FORMULAE = {
    BY_TOKENS: "the same over sampled tokens, up to the fewest that a finished run of the study sampled",
    SECONDS: "the same over seconds of training, up to the fewest that a finished run of the study took; of runs that logged them",
}


def _area_by(what: str, study: _Study, arm: Arm) -> Cell:
    runs = study.runs(arm)
    of_run = {run: area for run in runs if (area := study.found.area_by(what, run)) is not None}
    source = joined(FORMULAE[what], study.trace("", runs, _scaled(study, of_run)), study.of(what))
    return _mean(study, f"area_by_{what}", of_run, source)


def _scaled(study: _Study, of_run: Mapping[int, float]) -> dict[int, float]:
    return {run: study.evidence.unit.factor * value for run, value in of_run.items()}


def _mean(study: _Study, name: str, of_run: Mapping[int, float], source: Trace) -> Cell:
    """Format `mean ± half width`; with fewer than four runs their values."""
    unit = study.evidence.unit
    if not of_run:
        return NOTHING
    found = t_interval(list(of_run.values()))
    data: dict[str, float | int | str | None] = {name: unit.factor * found.point, f"{name}_n": found.n}
    if found.n < FEWEST_RUNS:
        return Cell(score(found, list(of_run.values()), unit), data, trace=source)
    low, high = (None if v is None else unit.factor * v for v in (found.low, found.high))
    return Cell(spread(found, unit), {**data, f"{name}_low": low, f"{name}_high": high}, trace=source)


def _places(study: _Study, arm: Arm, what: str) -> dict[int, float | None]:
    """Return places by run; in seconds, only of runs that logged them."""
    runs = [run for run in study.runs(arm) if what != SECONDS or study.found.timed(run)]
    return {run: study.found.reached(run, what) for run in runs}


def _reached(what: str, study: _Study, arm: Arm) -> Cell:
    """Return the median over runs, or that half of them never arrive."""
    places = _places(study, arm, what)
    if not places:
        return NOTHING
    middle = median_reached(list(places.values()))
    beyond = f"> {study.found.rollouts:g}" if what == ROLLOUTS else "not reached"
    formula = "median over runs of when the first evaluation reaches the target score; runs that never do count as later than all others"
    known = {run: place for run, place in places.items() if place is not None}
    parts = [study.trace("", list(places), known), study.of_target()]
    source = joined(formula, *parts, *([] if what == ROLLOUTS else [study.of(what)]))
    return Cell(
        beyond if middle is None else rounded(middle, ",.0f" if middle >= 1000 else ".3g"),
        {f"{what}_to_target": middle},
        trace=source,
    )


def _never(study: _Study, arm: Arm) -> Cell:
    places = _places(study, arm, ROLLOUTS)
    never = {run: float(place is None) for run, place in places.items()}
    source = joined(
        "runs without an evaluation that reaches the target score (1)",
        study.trace("", list(places), never),
        study.of_target(),
    )
    count = sum(place is None for place in places.values())
    return Cell(f"{count}/{len(places)}", {"never_reached": count, "curves": len(places)}, trace=source)


def _and_target(found: Learning) -> str:
    return "" if found.target is None else ", and when they reach a target score"


def _tested(study: _Study, arms: list[Arm]) -> bool:
    """Return whether some arm has enough runs for an interval."""
    return any(len(study.runs(arm)) >= FEWEST_RUNS for arm in arms)


def _notes(study: _Study) -> tuple[str, ...]:
    found, unit = study.found, study.evidence.unit
    sentences = []
    if found.target is not None:
        best = next(a.label for a in study.evidence.study.arms if a.name == found.target.best)
        sentences.append(
            f"Target: {unit.text(found.target.score)}, halfway from the untrained base ({unit.text(found.target.base)}) to the highest "
            f"final mean ({best})."
        )
    sentences.append(_of_seconds(study))
    sizes = [len(study.runs(arm)) for arm in trained_arms(study.evidence)]
    if min(sizes) < FEWEST_RUNS <= max(sizes):
        sentences.append(f"For an arm with fewer than {FEWEST_RUNS} runs, the table shows each run's value.")
    return tuple(sentences)


def _meanings(study: _Study) -> dict[str, str]:
    found, area = study.found, _area_head(study.evidence)
    curve = "primary metric's" if study.evidence.logged else "held-out"
    said = {
        area: f"Mean height of the {curve} curve over all {_places_of(study)}: the area under it, divided by its length.",
        REACHED[ROLLOUTS]: "Median over runs of the first evaluation that reaches the target score.",
        REACHED[BY_TOKENS]: "The same, in tokens of a response, summed over rollouts.",
        REACHED[SECONDS]: "The same, in seconds of training.",
        NEVER: "Runs that never reach the target score.",
    }
    if found.tokens is not None:
        length = rounded(found.tokens, ",.0f")
        said[AREA_BY[BY_TOKENS]] = (
            f"The same over tokens (a response's, summed over rollouts) up to {length}."
        )
    if found.seconds is not None:
        said[AREA_BY[SECONDS]] = "The same over seconds of training."
    return said


def _of_seconds(study: _Study) -> str:
    """Return what the seconds are and how far they go."""
    if study.found.seconds is None:
        return "These logs have no seconds by rollout."
    curves = [run for run in study.everyone if run in study.found.curves]
    untimed = sum(not study.found.timed(run) for run in curves)
    without = f"; {untimed} of {len(curves)} runs have none" if untimed else ""
    length = rounded(study.found.seconds, ",.0f" if study.found.seconds >= 1000 else ".3g")
    return f"Seconds: of training on the machines used, including the effect of other load; up to {length}{without}."
