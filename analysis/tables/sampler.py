"""How far samplers were from the trainer, arm by arm: the engine, |d| of tokens, and how the objective
treated it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.evidence.evidence import Evidence
from analysis.evidence.measures import Measure, run_means
from analysis.logs.manifest import Arm
from analysis.logs.trace import RECORD, metric, trace
from analysis.tables.results import GROUPS, NOTHING, with_intervals
from analysis.text.numbers import estimate, measured, over_runs
from analysis.text.table import EMPTY, Cell, Row, Table
from sspo.config import OWN_ENGINE
from sspo.metrics import APART


@dataclass(frozen=True)
class Column:
    """A column of the table: one logged key, reduced over a run's rollouts or steps and then over runs."""

    title: str
    key: str
    percent: bool = False
    largest: bool = False
    """Whether it is the maximum over all runs instead of a mean."""


ALWAYS = (
    Column("mean", "rollout/mismatch_mean"),
    Column("largest", "rollout/mismatch_max", largest=True),
    Column(f"above {APART:g}, %", "rollout/mismatch_frac", percent=True),
)
WHERE_LOGGED = (
    Column("masked %", "policy/mis_masked_frac", percent=True),
    Column("TIS weight", "policy/tis_weight_mean"),
)


def sampler_table(evidence: Evidence) -> Table | None:
    """Return the mean and t interval over runs of every column; None if no run logged how far its sampler was
    from the trainer.
    """
    values = {column.key: _by_run(evidence, column) for column in (*ALWAYS, *WHERE_LOGGED)}
    if not any(values[column.key] for column in ALWAYS):
        return None
    columns = (*ALWAYS, *(column for column in WHERE_LOGGED if values[column.key]))
    rows = [
        Row(
            GROUPS[arm.role],
            (
                Cell(arm.label, {"arm": arm.name, "label": arm.label}),
                _engine(evidence, arm),
                *(_cell(column, evidence.counted(arm), values[column.key]) for column in columns),
            ),
        )
        for arm in evidence.study.with_role("arm", "no_clip", "aa")
    ]
    titles = ("arm", "engine", *(column.title for column in columns))
    return Table(
        "sampler",
        (
            f"How far apart sampler and trainer are in the log-probability of a sampled token: |d|, in nats{with_intervals(rows)}.",
        ),
        titles,
        tuple(rows),
        title="Sampler and trainer",
        notes=_notes(rows),
        meanings=MEANINGS,
    )


def _by_run(evidence: Evidence, column: Column) -> Mapping[int, float]:
    """Return each run's own number, without runs that did not log the key."""
    if column.largest:
        found = evidence.logs.metrics.groupby("run")[column.key].max().astype("float64").dropna()
    else:
        found = run_means(evidence, Measure(column.title, column.key, column.percent))
    return {int(run): float(value) for run, value in found.items()}


def _engine(evidence: Evidence, arm: Arm) -> Cell:
    runs = evidence.counted(arm)
    if evidence.study.imported or not runs:
        return NOTHING
    named = ", ".join(sorted({str(evidence.logs.runs[run].get("engine", OWN_ENGINE)) for run in runs}))
    return Cell(named, {"engine": named}, trace=trace("rollout.engine of the arm's runs", [RECORD], runs))


def _cell(column: Column, runs: list[int], values: Mapping[int, float]) -> Cell:
    mine = {run: values[run] for run in runs if run in values}
    if not mine:
        return Cell(EMPTY, {f"{column.key}_n": 0})
    return _largest(column, runs, mine) if column.largest else _mean(column, runs, mine)


def _largest(column: Column, runs: list[int], mine: Mapping[int, float]) -> Cell:
    name, top = column.key, max(mine.values())
    formula = f"largest {name} over the arm's runs and their rollouts"
    data = {f"{name}_max": top, f"{name}_n": len(mine)}
    return Cell(estimate(top), data, trace=trace(formula, [metric(name)], runs, mine))


def _mean(column: Column, runs: list[int], mine: Mapping[int, float]) -> Cell:
    name, scale, values = column.key, 100 if column.percent else 1, list(mine.values())
    interval = over_runs(values, share=column.percent)
    low, high = (None if v is None else scale * v for v in (interval.low, interval.high))
    data = {"mean": scale * interval.point, "low": low, "high": high, "n": interval.n}
    over = "steps" if name.startswith("policy/") else "rollouts"
    formula = (
        f"mean over the arm's runs of: mean of {name} over all {over}{', in %' if column.percent else ''}; "
        "with a 95 % interval over runs"
    )
    source = trace(formula, [metric(name)], runs, mine, scale)
    text = measured(values, share=column.percent)
    return Cell(text, {f"{name}_{key}": value for key, value in data.items()}, trace=source)


MEANINGS = {
    "engine": "The engine that sampled the answers.",
    "mean": "Mean |d| over a run's tokens.",
    "largest": "The largest |d| of all tokens.",
    ALWAYS[2].title: f"Tokens whose |d| is above {APART:g}.",
    WHERE_LOGGED[0].title: "Responses with zero weight under objective.mis_cap.",
    WHERE_LOGGED[
        1
    ].title: "The trainer's probability of a token over the sampler's, cut at objective.tis_cap.",
}


def _notes(rows: list[Row]) -> tuple[str, ...]:
    not_logged = any(cell.text == EMPTY for row in rows for cell in row.cells)
    said = f"{EMPTY}: not logged. A sampler over the trainer's own weights is compared only if an option requests it."
    return (said,) if not_logged else ()
