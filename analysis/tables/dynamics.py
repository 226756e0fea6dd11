"""The dynamics table: what clipping did while the runs trained."""

from __future__ import annotations

from dataclasses import replace

from analysis.checks.matching import label_cell
from analysis.evidence.evidence import Evidence
from analysis.evidence.measures import MEASURES, Measure, run_means
from analysis.logs.trace import Trace, metric, trace
from analysis.tables.results import GROUPS, with_intervals
from analysis.text.numbers import measured, over_runs
from analysis.text.table import EMPTY, Cell, Row, Table
from sspo.metrics import MIN_ELIGIBLE


def dynamics_table(evidence: Evidence) -> Table | None:
    """Return the mean and t interval over runs of every measure; None if no run trained."""
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
            cells.append(replace(_cell(measure, list(mine.values())), trace=_trace(measure, runs, mine)))
        rows.append(Row(GROUPS[arm.role], tuple(cells)))
    titles = tuple(m.title + (" %" if m.percent else "") for m in MEASURES)
    return Table(
        "dynamics",
        (
            f"What clipping did during training: means over a run's updates (for sampled answers: over rollouts), then over runs{with_intervals(rows)}.",
        ),
        ("arm", *titles),
        tuple(rows),
        title="Training dynamics",
        notes=_notes(rows),
        meanings={title: _meaning(m) for title, m in zip(titles, MEASURES, strict=True)},
    )


def _trace(measure: Measure, runs: list[int], values: dict[int, float]) -> Trace:
    steps = {"": "all of a run's optimizer steps", "last_update": "the last update of each rollout"}
    over = steps.get(measure.over, "the last half of a run's rollouts, from the second update of each on")
    if measure.pooled is not None:
        of_run = f"sum of {measure.pooled.part} over sum of {measure.pooled.whole}, over {over}"
    else:
        of_run = f"mean of {measure.key} over {over}"
    formula = f"mean over the arm's runs of: {of_run}{', in %' if measure.percent else ''}; with a 95 % interval over runs"
    streams = [metric(key) for key in measure.keys]
    return trace(formula, streams, runs, values, 100 if measure.percent else 1)


def _cell(measure: Measure, values: list[float]) -> Cell:
    if not values:
        return Cell(EMPTY, {f"{measure.name}_n": 0})
    interval, scale = over_runs(values, share=measure.percent), 100 if measure.percent else 1
    low, high = (None if v is None else scale * v for v in (interval.low, interval.high))
    data = {"mean": scale * interval.point, "low": low, "high": high, "n": interval.n}
    text = measured(values, share=measure.percent)
    return Cell(text, {f"{measure.name}_{key}": value for key, value in data.items()})


OVER = {
    "": "",
    "last_update": " Over the last update of each rollout, at which the policy is furthest from the one that sampled.",
    "matched": " Over the second half of the rollouts, from the second update of each on: the updates on which arms are matched.",
}


def _meaning(measure: Measure) -> str:
    pooled = "" if measure.pooled is None else " Pooled over the tokens of a run's updates."
    return f"{measure.meaning[:1].upper()}{measure.meaning[1:]}.{OVER[measure.over]}{pooled}"


def _notes(rows: list[Row]) -> tuple[str, ...]:
    shares = "Intervals of shares are computed on the logit scale, so that they stay between 0 and 100 %."
    rare = any(cell.text == EMPTY for row in rows for cell in row.cells)
    return (
        "Active tokens are those whose advantage A is not zero: only they can be clipped.",
        *([shares] if with_intervals(rows) else []),
        *([f"{EMPTY}: fewer than {MIN_ELIGIBLE} such tokens in every run."] if rare else []),
    )
