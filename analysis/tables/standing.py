"""How arms compare: with the untrained base, with their reference in seed standard deviations, and among each
other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.checks.matching import label_cell
from analysis.evidence.evidence import Evidence, trained_arms, values
from analysis.evidence.result_traces import ResultTraces, primary_traces
from analysis.inference.above_base import Improvement, above_base, base_score
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.logs.trace import Trace
from analysis.statistics import Interval, iqm_interval, named_rng, probability_of_improvement
from analysis.statistics.families import FEWEST_RUNS
from analysis.statistics.standing import best_probabilities, effect_in_sd
from analysis.tables.results import ADJUSTED, GROUPS
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from analysis.text.table import EMPTY, Cell, Row, Table
from analysis.text.unit import Unit

NOTHING = Cell("–")
ABOVE, ABOVE_P, EFFECT, BEST, IQM, BEATS = (
    "over the base",
    "p (Holm)",
    "difference in seed sd",
    "best mean %",
    "IQM",
    "beats a reference run %",
)


@dataclass(frozen=True)
class _Study:
    """Data that every row needs."""

    evidence: Evidence
    arms: Sequence[Arm]
    traces: ResultTraces
    above: Mapping[str, Improvement]
    best: Mapping[str, float]

    def scores(self, arm: Arm) -> list[float]:
        return values(self.evidence, self.evidence.primary, arm)

    def enough(self, *arms: Arm) -> bool:
        return all(len(self.scores(arm)) >= FEWEST_RUNS for arm in arms)


def standing_table(evidence: Evidence) -> Table | None:
    """Return one row per trained arm; None with fewer than two scored arms, if nothing may be tested, and if no column has a value."""
    arms = trained_arms(evidence)
    if len(arms) < 2 or rule_of(evidence).alpha is None:
        return None
    study = _Study(evidence, arms, primary_traces(evidence), above_base(evidence), _best(evidence, arms))
    rows = [[label_cell(evidence, arm), *_cells(study, arm)] for arm in arms]
    if all(cell.text == EMPTY for row in rows for cell in row[1:]):
        return None
    points = " (%)" if evidence.unit.percent else ""
    return Table(
        "standing",
        (
            f"Where arms stand on the primary metric{points}: over the untrained base, against their reference, and among each other.",
        ),
        ("arm", ABOVE, ABOVE_P, EFFECT, BEST, IQM, BEATS),
        tuple(Row(GROUPS[arm.role], tuple(row)) for arm, row in zip(arms, rows, strict=True)),
        title="How arms stand",
        notes=_notes(study),
        meanings=_meanings(evidence),
        qualifiers={ABOVE: ADJUSTED, **dict.fromkeys((EFFECT, IQM, BEATS), "95 % CI")}
        if study.enough(*arms)
        else {},
    )


def _best(evidence: Evidence, arms: Sequence[Arm]) -> dict[str, float]:
    """Return the probability of the highest mean by name; empty if a competing arm has too few runs for it."""
    competing = [arm for arm in arms if arm.competes]
    groups = [values(evidence, evidence.primary, arm) for arm in competing]
    if len(groups) < 2 or min(map(len, groups)) < FEWEST_RUNS:
        return {}
    found = best_probabilities(groups, named_rng("best arm", evidence.study.name))
    return {arm.name: share for arm, share in zip(competing, found, strict=True)}


def _cells(study: _Study, arm: Arm) -> list[Cell]:
    reference = study.evidence.study.reference_of(arm)
    against = reference if reference is not None and study.enough(arm, reference) else None
    return [
        *_above(study, arm),
        NOTHING if against is None else _effect(study, arm, against),
        _best_cell(study, arm),
        _iqm(study, arm) if study.enough(arm) else NOTHING,
        NOTHING if against is None else _beats(study, arm, against),
    ]


def _above(study: _Study, arm: Arm) -> tuple[Cell, Cell]:
    found, unit = study.above.get(arm.name), study.evidence.unit
    if found is None:
        return NOTHING, NOTHING
    bases = study.evidence.study.with_role("base")
    formula = f"mean of {arm.label}'s runs minus the untrained base's score, by a t test whose error includes that of the base's evaluation"
    if found.p_holm is None:
        source = study.traces.of([arm, *bases], formula)
        return Cell(_signed(found, unit), _data(found, unit), trace=source), NOTHING
    family = [a for a in study.arms if a.competes]
    source = study.traces.of(
        [*family, *bases],
        f"{formula}; the interval is at the level at which Holm's step over all arms tests it",
    )
    p = Cell(p_text(found.p_holm), {"above_base_p": found.p, "above_base_p_holm": found.p_holm}, trace=source)
    return Cell(_signed(found, unit), _data(found, unit), trace=source), p


def _signed(found: Improvement, unit: Unit) -> str:
    text = unit.signed(found.difference)
    if found.low is None or found.high is None:
        return text
    return f"{text} [{unit.signed(found.low)}, {unit.signed(found.high)}]"


def _data(found: Improvement, unit: Unit) -> dict[str, float | int | str | None]:
    low, high = (None if v is None else unit.factor * v for v in (found.low, found.high))
    return {"above_base": unit.factor * found.difference, "above_base_low": low, "above_base_high": high}


def _effect(study: _Study, arm: Arm, reference: Arm) -> Cell:
    found = effect_in_sd(study.scores(arm), study.scores(reference))
    if found is None:
        return NOTHING
    formula = (
        f"mean of {arm.label} minus mean of {reference.label}, over the standard deviation pooled over both arms' runs, times "
        "Hedges' correction; interval of the noncentral t"
    )
    return _number("effect_sd", found, 1, "+.1f", study.traces.of([arm, reference], formula))


def _best_cell(study: _Study, arm: Arm) -> Cell:
    share = study.best.get(arm.name)
    if share is None:
        return NOTHING
    source = study.traces.of(
        [a for a in study.arms if a.name in study.best],
        f"share of draws in which {arm.label}'s mean is the highest; an arm's mean is drawn from the t posterior of its runs",
    )
    text = "< 1" if 0 <= share < 0.01 else "> 99" if share > 0.99 else rounded(100 * share, ".0f")
    return Cell(text, {"best_percent": 100 * share}, trace=source)


def _iqm(study: _Study, arm: Arm) -> Cell:
    rng = named_rng("iqm", study.evidence.study.name, arm.name)
    found, unit = iqm_interval(_column(study.scores(arm)), rng), study.evidence.unit
    source = study.traces.of(
        [arm], f"mean of the middle half of {arm.label}'s runs; interval by resampling whole runs"
    )
    text = unit.text(found.point)
    if found.low is not None and found.high is not None:
        text += f" [{unit.text(found.low)}, {unit.text(found.high)}]"
    low, high = (None if v is None else unit.factor * v for v in (found.low, found.high))
    return Cell(text, {"iqm": unit.factor * found.point, "iqm_low": low, "iqm_high": high}, trace=source)


def _beats(study: _Study, arm: Arm, reference: Arm) -> Cell:
    rng = named_rng("improvement", study.evidence.study.name, arm.name, reference.name)
    found = probability_of_improvement(_column(study.scores(arm)), _column(study.scores(reference)), rng)
    formula = (
        f"share of pairs of a run of {arm.label} and one of {reference.label} in which the first scores higher, half of equal ones; "
        "interval by resampling whole runs"
    )
    return _number("beats_percent", found, 100, ".0f", study.traces.of([arm, reference], formula))


def _number(name: str, found: Interval, scale: float, spec: str, source: Trace) -> Cell:
    point, low, high = (None if v is None else scale * v for v in (found.point, found.low, found.high))
    shown = [rounded(v, spec).replace("-", "−") for v in (point, low, high) if v is not None]
    text = f"{shown[0]} [{shown[1]}, {shown[2]}]" if len(shown) == 3 else shown[0]
    return Cell(text, {name: point, f"{name}_low": low, f"{name}_high": high}, trace=source)


def _column(scores: list[float]) -> NDArray[np.float64]:
    """Return runs by one task: their average over sets."""
    return np.array(scores)[:, None]


def _notes(study: _Study) -> tuple[str, ...]:
    few = f"For arms with fewer than {FEWEST_RUNS} runs there are only values."
    return (few,) if any(map(study.enough, study.arms)) and not study.enough(*study.arms) else ()


def _meanings(evidence: Evidence) -> dict[str, str]:
    """Return column meanings; docs/reports.md has more."""
    base = base_score(evidence)
    drawn = "samples" if base is not None and base.given_questions else "questions"
    return {
        ABOVE: f"Mean of the arm minus the score of the untrained base, whose error over {drawn} counts too.",
        ABOVE_P: "p of the difference to the base, adjusted by Holm over arms; intervals agree with it.",
        EFFECT: "Difference to the reference in standard deviations over seeds, pooled over both arms (Hedges' g).",
        BEST: "Probability that this arm has the highest mean, if every arm's mean is as uncertain as its t interval shows; not a p-value.",
        IQM: "Mean of the middle half of the runs.",
        BEATS: "Share of pairs of runs, one of each arm, in which this arm's scores higher.",
    }
