"""The dynamics table: what clipping did while the runs trained."""

from __future__ import annotations

from dataclasses import replace

from analysis.checks.matching import label_cell, matching_note
from analysis.evidence.evidence import Evidence
from analysis.evidence.measures import MEASURES, Measure, run_means
from analysis.logs.trace import Trace, metric, trace
from analysis.statistics import Interval, t_interval
from analysis.tables import captions
from analysis.tables.results import GROUPS
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table, decimals
from sspo.metrics import MIN_ELIGIBLE


def dynamics_table(evidence: Evidence) -> Table | None:
    """Mean and t interval over runs of every measure; None where no run trained."""
    if evidence.logs.metrics.empty:
        return None
    means = {m.name: run_means(evidence, m) for m in MEASURES}
    if evidence.study.imported and all(of_run.empty for of_run in means.values()):
        return None
    rows = []
    for arm in evidence.study.with_role("arm", "no_clip", "aa"):
        runs = evidence.counted(arm)
        cells = [label_cell(evidence, arm)]
        for measure in MEASURES:
            mine = {r: float(means[measure.name][r]) for r in runs if r in means[measure.name].index}
            cell = _cell(measure, t_interval(list(mine.values())) if mine else None)
            cells.append(replace(cell, trace=_trace(measure, runs, mine)))
        rows.append(Row(GROUPS[arm.role], tuple(cells)))
    titles = tuple(m.title + (" %" if m.percent else "") for m in MEASURES)
    return Table("dynamics", _caption(evidence), ("arm", *titles), tuple(rows))


def _trace(measure: Measure, runs: list[int], values: dict[int, float]) -> Trace:
    steps = {"": "all of a run's optimiser steps", "last_update": "the last update of each rollout"}
    over = steps.get(measure.over, "the last half of a run's rollouts, from the second update of each on")
    if measure.pooled is not None:
        of_run = f"sum of {measure.pooled.part} over sum of {measure.pooled.whole}, over {over}"
    else:
        of_run = f"mean of {measure.key} over {over}"
    formula = f"mean over the arm's runs of: {of_run}{', in %' if measure.percent else ''}; ± is half a 95 % t interval"
    streams = [metric(key) for key in measure.keys]
    return trace(formula, streams, runs, values, 100 if measure.percent else 1)


def _cell(measure: Measure, interval: Interval | None) -> Cell:
    if interval is None:
        return Cell("–", {f"{measure.name}_n": 0})
    scale = 100 if measure.percent else 1
    point, half = scale * interval.point, interval.half_width
    digits = decimals(point)
    text = rounded(point, f".{digits}f") + (
        "" if half is None else f" ± {rounded(scale * half, f'.{digits}f')}"
    )
    low, high = (None if v is None else scale * v for v in (interval.low, interval.high))
    data = {"mean": point, "low": low, "high": high, "n": interval.n}
    return Cell(text, {f"{measure.name}_{key}": value for key, value in data.items()})


def _caption(evidence: Evidence) -> tuple[str, ...]:
    meanings = "; ".join(f"{m.title}: {m.meaning}" for m in MEASURES)
    return (
        f"{evidence.study.title}: training dynamics, means over a run's optimiser steps (rollout-level measures: over "
        "rollouts), then over runs.",
        f"{meanings}. 'Last update' is that of each rollout, where the policy is furthest from the one that sampled; 'matched' "
        "is over what arms are matched on: the last half of a run's rollouts, from the second update of each on.",
        f"Retained and collateral shares pool the tokens of a run's steps; – means fewer than {MIN_ELIGIBLE} in every run.",
        *matching_note(evidence),
        captions.interval_rule(evidence),
        *captions.warnings(evidence),
    )
