"""Seed by seed: what became of each seed's score when the arm that it is tested against was replaced by the arm."""

from __future__ import annotations

import math

from matplotlib.figure import Figure as Printed

from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import primary_traces
from analysis.figures.arm_series import arm_series
from analysis.figures.figure import Figure
from analysis.figures.model import Axis, Chart, Numbers, Panel, Series, Slope, number
from analysis.figures.style import MUTED, TEXT, Look, looks
from analysis.logs.manifest import Arm
from analysis.logs.trace import Trace
from analysis.text.escape import plot
from analysis.text.unit import Unit

COLUMNS = 5
LABEL_CHARACTERS = 22
FALL, RISE = "#D55E00", "#0072B2"
SIDE = 0.28
"""Room beside both ends of a line on the page, in its lengths."""
DASHED = (0, (4, 2))
Scores = dict[int, tuple[float, float]]
"""(reference's score, arm's score) of every seed that both have."""
Pairs = tuple[Arm, Arm, Scores]
"""An arm, what it is tested against, and their scores."""


def pairs(evidence: Evidence) -> list[Pairs] | None:
    """Every arm that shares a seed with its reference, the reference, and both scores by seed. The arm that does not clip
    is left out: its fall would flatten the others. None where no arm shares a seed."""
    study = evidence.study
    tested = [(arm, study.reference_of(arm)) for arm in study.with_role("arm")]
    found = [(arm, other, _shared(evidence, arm, other)) for arm, other in tested if other is not None]
    return [(arm, other, scores) for arm, other, scores in found if scores] or None


def _shared(evidence: Evidence, arm: Arm, reference: Arm) -> Scores:
    before, after = (evidence.of_arm(evidence.primary, side) for side in (reference, arm))
    return {seed: (before[seed], after[seed]) for seed in sorted(before.keys() & after.keys())}


def draw(evidence: Evidence, shown: list[Pairs]) -> Printed:
    """A small panel per arm: a line per shared seed from the reference's score (left) to the arm's (right)."""
    columns = min(COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    height = 1.12 * rows + 0.3
    figure = Printed(figsize=(TEXT * max(columns, 2) / COLUMNS, height))
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=0.5 / figure.get_figwidth(),
        right=0.99,
        top=1 - 0.24 / height,
        bottom=0.2 / height,
        wspace=0.12,
        hspace=0.5,
    )
    style, unit = looks(evidence.study), evidence.unit
    for ax, (arm, _, of_seed) in zip(axes.flat, shown, strict=False):
        lines = list(of_seed.values())
        for before, after in lines:
            ax.plot(
                [0, 1],
                [unit.factor * before, unit.factor * after],
                color=RISE if after >= before else FALL,
                linestyle="-" if after >= before else (0, (3, 1.5)),
                linewidth=0.8,
            )
        means = [unit.factor * sum(side) / len(lines) for side in zip(*lines, strict=True)]
        ax.plot([0, 1], means, color="#000000", linewidth=1.6, marker=style[arm.name].marker, markersize=3)
        ax.set_xlim(-0.12, 1.12)
        ax.set_xticks([])
        ax.set_title(plot(arm.label, LABEL_CHARACTERS), fontsize=6.5, pad=3)
        ax.set_xlabel(unit.signed((means[1] - means[0]) / unit.factor), fontsize=6.5, labelpad=2, color=MUTED)
        ax.grid(axis="x", visible=False)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel(f"final average{unit.mark}", fontsize=6.5)
    return figure


def chart(evidence: Evidence, shown: list[Pairs]) -> Chart:
    """The same panels, all with one axis of scores."""
    unit, series = evidence.unit, arm_series(evidence)
    values = [unit.factor * score for *_, scores in shown for pair in scores.values() for score in pair]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    y = Axis(label=f"final average{unit.mark}", low=min(values) - margin, high=max(values) + margin)
    return Chart(
        name=FIGURE.name,
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


def _numbers(series: dict[str, Series], shown: list[Pairs], unit: Unit) -> Numbers:
    """A row per seed and one of means; a column per arm."""
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


def caption(evidence: Evidence) -> str:
    """What lines are."""
    return (
        f"Seed by seed from {evidence.study.yardstick()} (left end) to the arm (right end): blue lines rise, dashed orange "
        "ones fall, black is the mean, and its change stands below; seeds that both have, without A/A runs"
    )


def origin(evidence: Evidence) -> Trace:
    """Scores of the arms."""
    return primary_traces(evidence).of(
        evidence.study.with_role("arm"),
        "averages of the seeds that an arm shares with what it is tested against",
    )


FIGURE = Figure(name="paired_by_seed", data=pairs, draw=draw, chart=chart, caption=caption, trace=origin)
