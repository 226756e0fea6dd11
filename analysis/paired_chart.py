"""The chart of seed pairs on index.html, with the numbers of `paired_by_seed`."""

from __future__ import annotations

from analysis.chart import Axis, Chart, Numbers, Panel, Series, Slope, number
from analysis.paired_figure import FALL, RISE, Scores, paired_arms
from analysis.results import Evidence
from analysis.results_table import signed
from analysis.study import Arm
from analysis.style import Look

SIDE = 0.28
"""Room beside both ends, in lengths of a line."""
DASHED = (0, (4, 2))


def paired_chart(evidence: Evidence, series: dict[str, Series]) -> Chart | None:
    """A small panel an arm, all with one axis of scores; `series` are the study's arms by name."""
    shown = paired_arms(evidence)
    if not shown:
        return None
    values = [100 * score for *_, scores in shown for pair in scores.values() for score in pair]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    y = Axis(label="final average %", low=min(values) - margin, high=max(values) + margin)
    return Chart(
        name="paired_by_seed",
        series=[series[arm.name] for arm, *_ in shown],
        panels=[_panel(series[arm.name], reference, scores, y) for arm, reference, scores in shown],
        tables=[_numbers(series, shown)],
        note="Up is the final average in %, the same axis in every panel.",
    )


def _panel(series: Series, reference: Arm, scores: Scores, y: Axis) -> Panel:
    slopes = [
        Slope(
            series=series,
            look=Look(RISE, "-", "o") if after >= before else Look(FALL, DASHED, "o"),
            x=(0, 1),
            y=(100 * before, 100 * after),
            says=f"{series.label} seed {seed}: {_change(before, after)}",
            width=1.3,
        )
        for seed, (before, after) in scores.items()
    ]
    before, after = _means(scores)
    mean = Slope(
        series=series,
        look=Look("#000000", "-", series.look.marker),
        x=(0, 1),
        y=(100 * before, 100 * after),
        says=f"{series.label}, mean of {len(scores)} seeds: {_change(before, after)}",
        width=2.2,
        marked=True,
    )
    return Panel(
        title=series.label,
        x=Axis(
            label=f"mean change {signed(after - before)}",
            low=-SIDE,
            high=1 + SIDE,
            names=(reference.label, "arm"),
        ),
        y=y,
        slopes=[*slopes, mean],
        small=True,
        switch=series,
    )


def _means(scores: Scores) -> tuple[float, float]:
    befores, afters = zip(*scores.values(), strict=True)
    return sum(befores) / len(befores), sum(afters) / len(afters)


def _change(before: float, after: float) -> str:
    return f"{number(100 * before)} → {number(100 * after)} % ({signed(after - before)})"


def _numbers(series: dict[str, Series], shown: list[tuple[Arm, Arm, Scores]]) -> Numbers:
    """A row a seed and one of means; a column an arm."""
    seeds = sorted({seed for *_, scores in shown for seed in scores})
    rows = [
        [
            f"seed {seed}",
            *(_change(*scores[seed]) if seed in scores else "–" for *_, scores in shown),
        ]
        for seed in seeds
    ]
    rows.append(["mean", *(_change(*_means(scores)) for *_, scores in shown)])
    heads = [("", None), *((series[arm.name].label, series[arm.name].number) for arm, *_ in shown)]
    return Numbers(title="From the reference's score to the arm's, seed by seed", heads=heads, rows=rows)
