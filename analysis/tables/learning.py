"""How fast arms learn: the area under their held-out curves, by rollouts and by tokens, and when they reach a score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.checks.matching import label_cell
from analysis.evidence.evidence import Evidence, trained_arms
from analysis.evidence.held_out import curve_answers
from analysis.evidence.learning import TOKENS, Learning, learning
from analysis.evidence.result_traces import counted_runs
from analysis.logs.manifest import Arm
from analysis.logs.trace import RECORD, Trace, answers, joined, metric, trace
from analysis.statistics import t_interval
from analysis.statistics.families import FEWEST_RUNS
from analysis.statistics.standing import median_reached
from analysis.tables import captions
from analysis.tables.results import GROUPS
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table

NOTHING = Cell("–")
AREA, AREA_TOKENS, REACHED, REACHED_TOKENS, NEVER = (
    "mean score by rollouts",
    "mean score by tokens",
    "rollouts to the target",
    "tokens to the target",
    "never there",
)


@dataclass(frozen=True)
class _Study:
    """What every row needs."""

    evidence: Evidence
    found: Learning
    curves: str
    """The stream of the answers that curves are made of."""
    everyone: list[int]
    """All trained runs with a curve: lengths that are matched, and targets, rest on them."""

    def runs(self, arm: Arm) -> list[int]:
        return [run for run in self.evidence.counted(arm) if run in self.found.curves]

    def trace(self, formula: str, runs: list[int], values: Mapping[int, float]) -> Trace:
        return trace(formula, [self.curves, RECORD], runs, values)

    def of_target(self) -> Trace:
        """What the target rests on."""
        curves = trace("", [self.curves, RECORD], self.everyone)
        base = trace("", [answers("sampled", 1.0)], counted_runs(self.evidence, "base"))
        return joined("", curves, base)

    def of_tokens(self) -> Trace:
        return trace("", [metric(TOKENS), RECORD], self.everyone)


def learning_table(evidence: Evidence) -> Table | None:
    """A row a trained arm; None with fewer than two of them, or without held-out scores at two places."""
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
    columns: dict[str, Callable[[_Study, Arm], Cell]] = {AREA: _area}
    if found.tokens is not None:
        columns[AREA_TOKENS] = _area_by_tokens
    if found.target is not None:
        columns |= {REACHED: _reached, NEVER: _never}
        if found.tokens is not None:
            columns[REACHED_TOKENS] = _reached_tokens
    table_rows = tuple(
        Row(GROUPS[arm.role], (label_cell(evidence, arm), *(cell(study, arm) for cell in columns.values())))
        for arm in arms
    )
    source = (
        study.of_target()
        if found.target is None
        else joined("the target and what is matched", study.of_target(), study.of_tokens())
    )
    return Table(
        "learning",
        _caption(study),
        ("arm", *columns),
        table_rows,
        title="How fast arms learn",
        caption_trace=source,
    )


def _area(study: _Study, arm: Arm) -> Cell:
    runs = study.runs(arm)
    of_run = {run: study.found.area(run) for run in runs}
    formula = (
        f"mean over runs of the mean height of held-out scores over rollouts 0 to {study.found.rollouts:g}, by straight lines between "
        "evaluations; ± is half a 95 % t interval"
    )
    return _mean(study, "area", of_run, study.trace(formula, runs, _scaled(study, of_run)))


def _area_by_tokens(study: _Study, arm: Arm) -> Cell:
    runs = study.runs(arm)
    of_run = {run: area for run in runs if (area := study.found.area_by_tokens(run)) is not None}
    formula = "the same over sampled tokens, up to the fewest that a finished run of the study sampled"
    source = joined(formula, study.trace("", runs, _scaled(study, of_run)), study.of_tokens())
    return _mean(study, "area_by_tokens", of_run, source)


def _scaled(study: _Study, of_run: Mapping[int, float]) -> dict[int, float]:
    return {run: study.evidence.unit.factor * value for run, value in of_run.items()}


def _mean(study: _Study, name: str, of_run: Mapping[int, float], source: Trace) -> Cell:
    """`mean ± half width`; below four runs their values."""
    unit = study.evidence.unit
    if not of_run:
        return NOTHING
    found = t_interval(list(of_run.values()))
    data: dict[str, float | int | str | None] = {name: unit.factor * found.point, f"{name}_n": found.n}
    if found.n < FEWEST_RUNS:
        return Cell(", ".join(unit.text(value) for value in of_run.values()), data, trace=source)
    low, high = (None if v is None else unit.factor * v for v in (found.low, found.high))
    half = "" if found.half_width is None else f" ± {unit.text(found.half_width)}"
    return Cell(
        unit.text(found.point) + half, {**data, f"{name}_low": low, f"{name}_high": high}, trace=source
    )


def _places(study: _Study, arm: Arm, *, by_tokens: bool) -> dict[int, float | None]:
    return {run: study.found.reached(run, by_tokens=by_tokens) for run in study.runs(arm)}


def _reached(study: _Study, arm: Arm) -> Cell:
    return _median(
        study, "rollouts_to_target", _places(study, arm, by_tokens=False), f"> {study.found.rollouts:g}"
    )


def _reached_tokens(study: _Study, arm: Arm) -> Cell:
    return _median(study, "tokens_to_target", _places(study, arm, by_tokens=True), "not reached")


def _median(study: _Study, name: str, places: Mapping[int, float | None], beyond: str) -> Cell:
    middle = median_reached(list(places.values()))
    formula = "median over runs of when the first evaluation has the target's score, runs that never do being later than all others"
    known = {run: place for run, place in places.items() if place is not None}
    parts = [study.trace("", list(places), known), study.of_target()]
    source = joined(formula, *parts, *([study.of_tokens()] if name.startswith("tokens") else []))
    return Cell(
        beyond if middle is None else rounded(middle, ",.0f" if middle >= 1000 else ".3g"),
        {name: middle},
        trace=source,
    )


def _never(study: _Study, arm: Arm) -> Cell:
    places = _places(study, arm, by_tokens=False)
    never = {run: float(place is None) for run, place in places.items()}
    source = joined(
        "runs without an evaluation that has the target's score (1)",
        study.trace("", list(places), never),
        study.of_target(),
    )
    count = sum(place is None for place in places.values())
    return Cell(f"{count}/{len(places)}", {"never_reached": count, "curves": len(places)}, trace=source)


def _caption(study: _Study) -> tuple[str, ...]:
    found, unit = study.found, study.evidence.unit
    points = ", in percent points" if unit.percent else ""
    sentences = [
        f"{study.evidence.study.title}: held-out scores while training{points}; mean score: the area under a curve over its length."
    ]
    if found.tokens is not None:
        length = rounded(found.tokens, ",.0f")
        sentences.append(f"Tokens: a response's, summed over rollouts; up to {length}.")
    if found.target is not None:
        best = next(a.label for a in study.evidence.study.arms if a.name == found.target.best)
        sentences.append(
            f"Target: {unit.text(found.target.score)}, halfway from the base ({unit.text(found.target.base)}) to the highest final mean "
            f"({best})."
        )
    if any(len(study.runs(arm)) < FEWEST_RUNS for arm in trained_arms(study.evidence)):
        sentences.append(f"Below {FEWEST_RUNS} runs, their values.")
    sentences.append("Seconds by rollout are not in compact logs.")
    return (*sentences, *captions.warnings(study.evidence))
