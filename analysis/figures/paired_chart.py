"""The chart of seed pairs on index.html, with the numbers of `paired_by_seed`."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.figures.model import Axis, Chart, Numbers, Panel, Series, Slope, number
from analysis.figures.paired import FALL, RISE, Scores, paired_arms
from analysis.figures.style import Look
from analysis.logs.manifest import Arm
from analysis.text.unit import Unit

SIDE = 0.28
"""Room beside both ends, in lengths of a line."""
DASHED = (0, (4, 2))


def paired_chart(evidence: Evidence, series: dict[str, Series]) -> Chart | None:
    """A small panel an arm, all with one axis of scores; `series` are the study's arms by name."""
    shown = paired_arms(evidence)
    if not shown:
        return None
    unit = evidence.unit
    values = [unit.factor * score for *_, scores in shown for pair in scores.values() for score in pair]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    y = Axis(label=f"final average{unit.mark}", low=min(values) - margin, high=max(values) + margin)
    return Chart(
        name="paired_by_seed",
        series=[series[arm.name] for arm, *_ in shown],
        panels=[_panel(series[arm.name], reference, scores, y, unit) for arm, reference, scores in shown],
        tables=[_numbers(series, shown, unit)],
        note=f"Up is the final average{' in %' if unit.percent else ''}, the same axis in every panel.",
    )


def _panel(series: Series, reference: Arm, scores: Scores, y: Axis, unit: Unit) -> Panel:
    slopes = [
        Slope(
            series=series,
            look=Look(RISE, "-", "o") if after >= before else Look(FALL, DASHED, "o"),
            x=(0, 1),
            y=(unit.factor * before, unit.factor * after),
            says=f"{series.label} seed {seed}: {_change(unit, before, after)}",
            width=1.3,
        )
        for seed, (before, after) in scores.items()
    ]
    before, after = _means(scores)
    mean = Slope(
        series=series,
        look=Look("#000000", "-", series.look.marker),
        x=(0, 1),
        y=(unit.factor * before, unit.factor * after),
        says=f"{series.label}, mean of {len(scores)} seeds: {_change(unit, before, after)}",
        width=2.2,
        marked=True,
    )
    return Panel(
        title=series.label,
        x=Axis(
            label=f"mean change {unit.signed(after - before)}",
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


def _change(unit: Unit, before: float, after: float) -> str:
    sides = f"{number(unit.factor * before)} → {number(unit.factor * after)}"
    return f"{sides}{unit.mark} ({unit.signed(after - before)})"


def _numbers(series: dict[str, Series], shown: list[tuple[Arm, Arm, Scores]], unit: Unit) -> Numbers:
    """A row a seed and one of means; a column an arm."""
    seeds = sorted({seed for *_, scores in shown for seed in scores})
    rows = [
        [
            f"seed {seed}",
            *(_change(unit, *scores[seed]) if seed in scores else "–" for *_, scores in shown),
        ]
        for seed in seeds
    ]
    rows.append(["mean", *(_change(unit, *_means(scores)) for *_, scores in shown)])
    heads = [("", None), *((series[arm.name].label, series[arm.name].number) for arm, *_ in shown)]
    return Numbers(title="From the reference's score to the arm's, seed by seed", heads=heads, rows=rows)
