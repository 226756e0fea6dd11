"""Seed by seed: how each seed's score changed from the reference to the arm."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure as Printed
from matplotlib.ticker import MaxNLocator

from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import primary_traces
from analysis.figures.arm_series import arm_series
from analysis.figures.figure import Figure
from analysis.figures.labels import wrapped
from analysis.figures.model import SMALL, Axis, Chart, Numbers, Panel, Series, Slope, number
from analysis.figures.style import COLUMN, MUTED, SMALLEST, STEPS, TEXT, ArmStyle, grid, looks
from analysis.logs.manifest import Arm
from analysis.logs.trace import Trace
from analysis.text.unit import Unit

COLUMNS = 5
MOST_PANELS = 12
"""The most panels in print."""
FALL, RISE = "#D55E00", "#0072B2"
SIDE = 0.28
"""Room beside both ends of a line on the page, as a share of its length."""
DASHED = (0, (4, 2))
Scores = dict[int, tuple[float, float]]
"""(reference's score, arm's score) of every seed that both have."""
Pairs = tuple[Arm, Arm, Scores]
"""An arm, its reference, and their scores."""


def pairs(evidence: Evidence) -> list[Pairs] | None:
    """Return every arm that shares a seed with its reference, the reference, and both scores by seed.

    The arm that does not clip is left out: its fall would flatten the others. None if no arm shares a seed.
    """
    study = evidence.study
    tested = [(arm, study.reference_of(arm)) for arm in study.with_role("arm")]
    found = [(arm, other, _shared(evidence, arm, other)) for arm, other in tested if other is not None]
    return [(arm, other, scores) for arm, other, scores in found if scores] or None


def _shared(evidence: Evidence, arm: Arm, reference: Arm) -> Scores:
    before, after = (evidence.of_arm(evidence.primary, side) for side in (reference, arm))
    return {seed: (before[seed], after[seed]) for seed in sorted(before.keys() & after.keys())}


def draw(evidence: Evidence, found: list[Pairs]) -> Printed:
    """Draw one small panel per arm: a line per shared seed from the reference's score (left) to the arm's
    (right).
    """
    shown = found[:MOST_PANELS]
    columns = min(COLUMNS, len(shown))
    inches = TEXT if columns > 2 else COLUMN
    one = (inches - 0.58) / columns - 0.12
    several = evidence.study.several_references()
    titles = [
        f"{wrapped(arm.label, one)}\n{wrapped(f'vs {other.label}', one)}"
        if several
        else wrapped(arm.label, one)
        for arm, other, _ in shown
    ]
    lines = max(title.count("\n") + 1 for title in titles)
    figure, axes = grid(
        columns, -(-len(shown) // columns), (inches, 0.9), top=0.1 + 0.125 * lines, gap=0.26 + 0.125 * lines, below=0.24,
        share_y="all",
    )  # fmt: skip
    style, unit = looks(evidence.study), evidence.unit
    for ax, (arm, _, scores), title in zip(axes.flat, shown, titles, strict=False):
        before, after = _seeds(ax, scores, style[arm.name].marker, unit)
        ax.set_xlim(-0.12, 1.12)
        ax.set_xticks([])
        ax.set_title(title, fontsize=SMALLEST)
        ax.set_xlabel(f"{unit.signed(after - before)} on average", fontsize=SMALLEST, labelpad=2, color=MUTED)
        ax.grid(axis="x", visible=False)
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=STEPS))
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel(wrapped(f"final average{unit.mark}", 0.9), fontsize=SMALLEST)
    return figure


def _seeds(ax: Any, scores: Scores, marker: str, unit: Unit) -> tuple[float, float]:
    """Draw lines of all seeds and of their means; return the means."""
    for before, after in scores.values():
        ax.plot(
            [0, 1],
            [unit.factor * before, unit.factor * after],
            color=RISE if after >= before else FALL,
            linestyle="-" if after >= before else (0, (3, 1.5)),
            linewidth=0.8,
        )
    means = _means(scores)
    ax.plot(
        [0, 1], [unit.factor * m for m in means], color="#000000", linewidth=1.6, marker=marker, markersize=3
    )
    return means


def chart(evidence: Evidence, shown: list[Pairs]) -> Chart:
    """Return the same panels as a chart, all with one axis of scores."""
    unit, series, several = evidence.unit, arm_series(evidence), evidence.study.several_references()
    values = [unit.factor * score for *_, scores in shown for pair in scores.values() for score in pair]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    y = Axis(label=f"final average{unit.mark}", low=min(values) - margin, high=max(values) + margin)
    return Chart(
        name=FIGURE.name,
        series=[series[arm.name] for arm, *_ in shown],
        panels=[
            _panel(
                series[arm.name], f"{arm.label}\nvs {other.label}" if several else arm.label, scores, y, unit
            )
            for arm, other, scores in shown
        ],
        tables=[_numbers(series, shown, unit)],
        note=f"The vertical axis is the final average{' in %' if unit.percent else ''}, the same in every panel.",
    )


def _panel(series: Series, title: str, scores: Scores, y: Axis, unit: Unit) -> Panel:
    slopes = [
        Slope(
            series=series,
            look=ArmStyle(RISE, "-", "o") if after >= before else ArmStyle(FALL, DASHED, "o"),
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
        look=ArmStyle("#000000", "-", series.look.marker),
        x=(0, 1),
        y=(unit.factor * before, unit.factor * after),
        says=f"{series.label}, mean of {len(scores)} seeds: {_change(unit, before, after)}",
        width=2.2,
        marked=True,
    )
    return Panel(
        title=title,
        x=Axis(
            label=f"mean change {unit.signed(after - before)}",
            low=-SIDE,
            high=1 + SIDE,
            names=("reference", "arm"),
        ),
        y=y,
        slopes=[*slopes, mean],
        size=SMALL,
        switch=series,
    )


def _means(scores: Scores) -> tuple[float, float]:
    befores, afters = zip(*scores.values(), strict=True)
    return sum(befores) / len(befores), sum(afters) / len(afters)


def _change(unit: Unit, before: float, after: float) -> str:
    sides = f"{number(unit.factor * before)} → {number(unit.factor * after)}"
    return f"{sides}{unit.mark} ({unit.signed(after - before)})"


def _numbers(series: dict[str, Series], shown: list[Pairs], unit: Unit) -> Numbers:
    """Return one row per seed and one of means; one column per arm."""
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
    """Return what lines are."""
    return (
        f"Final average seed by seed, from {evidence.study.yardstick()} (left) to the arm (right): blue rises, dashed orange falls, "
        "black is the mean"
    )


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return which seeds and arms are shown."""
    said = ["Only seeds that both arms have; without the A/A arm and the arm that does not clip."]
    found = pairs(evidence) or []
    if len(found) > MOST_PANELS:
        said.append(f"The printed figure shows {MOST_PANELS} of {len(found)} arms; the page shows all.")
    return tuple(said)


def origin(evidence: Evidence) -> Trace:
    """Return the trace of the arms' scores."""
    return primary_traces(evidence).of(
        evidence.study.with_role("arm"),
        "averages of the seeds that an arm shares with its reference",
    )


FIGURE = Figure(
    name="paired_by_seed", data=pairs, draw=draw, chart=chart, caption=caption, notes=notes, trace=origin
)
