"""Clipped share of every run against its final score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Printed

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.evidence.measures import Measure, run_means
from analysis.evidence.result_traces import counted_runs, primary_traces
from analysis.figures.arm_series import arm_series
from analysis.figures.clipping import matched
from analysis.figures.figure import Figure
from analysis.figures.labels import LONGEST, widest
from analysis.figures.model import SYMLOG, Axis, Chart, Mark, Numbers, Panel, number
from analysis.figures.style import HIGHEST, TEXT, looks, percent_ticks
from analysis.logs.manifest import Arm
from analysis.logs.trace import Trace, joined, metric, trace
from analysis.text.escape import plot

LEGEND_LINE = 0.155
"""Inches per line of a legend at the side."""
TRAINED = ("arm", "no_clip", "aa")
CLIPPED = Measure("clip", "policy/clip_frac_active", True)
X = "clipped share of active tokens %, mean over the run"


@dataclass(frozen=True)
class Points:
    """Clipped share in percent and final score of every run (index) that has both, by arm."""

    arms: list[tuple[Arm, pd.Series, pd.Series]]
    highest: float
    """The highest clipped share of any run."""


def points(evidence: Evidence) -> Points | None:
    """Return the points; None if no run has both, or if every arm was matched to a clip fraction and the
    figure would only show the design.
    """
    if matched(evidence):
        return None
    clip, final = 100 * run_means(evidence, CLIPPED), evidence.unit.factor * evidence.primary[AVERAGE]
    found = []
    for arm in evidence.study.with_role(*TRAINED):
        runs = [run for run in evidence.counted(arm) if run in clip.index and run in final.index]
        if runs:
            found.append((arm, clip[runs], final[runs]))
    return Points(found, float(clip.max())) if found else None


def draw(evidence: Evidence, found: Points) -> Printed:
    """A small mark per run, a large one for the arm's mean; legend at the side."""
    style = looks(evidence.study)
    labels = [plot(arm.label, LONGEST) for arm, _, _ in found.arms]
    height = max(2.4, LEGEND_LINE * len(labels) + 0.1)
    figure = Printed(figsize=(TEXT, height))
    beside = (0.55 + widest(labels)) / TEXT
    ax = figure.add_axes((0.075, 0.42 / height, 0.925 - beside, 1 - 0.504 / height))
    for arm, clip, final in found.arms:
        x, y, look = clip.to_numpy(), final.to_numpy(), style[arm.name]
        ax.plot(x, y, look.marker, color=look.color, markersize=2.5, alpha=0.5, linestyle="none")
        edge = (
            {"markeredgecolor": "white", "markeredgewidth": 0.6}
            if look.marker != "x"
            else {"markeredgewidth": 1.5}
        )
        mean = ([np.mean(x)], [np.mean(y)])
        ax.plot(
            *mean,
            look.marker,
            color=look.color,
            markersize=6,
            linestyle="none",
            label=plot(arm.label, LONGEST),
            **edge,
        )
    ax.set_xscale("symlog", linthresh=0.01, linscale=0.4)
    percent_ticks(ax.xaxis, [found.highest])
    ax.set_xlabel(X)
    ax.set_ylabel(f"final average{evidence.unit.mark}")
    ax.legend(
        loc="center left", bbox_to_anchor=(1.01, 0.5), borderaxespad=0, labelspacing=0.35, handlelength=1.2,
        handletextpad=0.4,
    )  # fmt: skip
    return figure


def chart(evidence: Evidence, found: Points) -> Chart:
    """The same marks; the table has the means."""
    mark, everyone = evidence.unit.mark, arm_series(evidence)
    marks, rows, shown = [], [], []
    for arm, clip, final in found.arms:
        series = everyone[arm.name]
        for run in clip.index:
            says = f"{series.label} seed {evidence.runs.at[run, 'seed']}: clipped {number(clip[run])} %, {number(final[run])}{mark}"
            marks.append(Mark(series=series, x=float(clip[run]), y=float(final[run]), says=says, size=2.2))
        x, y = float(clip.mean()), float(final.mean())
        says = f"{series.label}, mean of {len(clip)}: clipped {number(x)} %, {number(y)}{mark}"
        marks.append(Mark(series=series, x=x, y=y, says=says, size=4.5))
        rows.append([series.label, number(x), number(y), str(len(clip))])
        shown.append(series)
    ys = [point.y for point in marks]
    margin = 0.08 * (max(ys) - min(ys)) or 1.0
    highest = HIGHEST * max(0.01, *(point.x for point in marks))
    panel = Panel(
        title="",
        x=Axis(label=X, low=0.0, high=highest, scale=SYMLOG),
        y=Axis(label=f"final average{mark}", low=min(ys) - margin, high=max(ys) + margin),
        marks=marks,
    )
    heads = [("arm", None), ("clipped %", None), (f"final average{mark}", None), ("runs", None)]
    table = Numbers(title="Means over runs", heads=heads, rows=rows)
    return Chart(name=FIGURE.name, series=shown, panels=[panel], tables=[table])


def caption(_: Evidence) -> str:
    """Return what marks are."""
    return "Clipped share of active tokens against the final average: small marks are runs, large marks are means of arms"


def notes(_: Evidence) -> tuple[str, ...]:
    """Return what the axis is."""
    return ("Active tokens have a nonzero advantage.", "The axis is linear below 0.01 %.")


def origin(evidence: Evidence) -> Trace:
    """Scores and clip fractions of all trained arms."""
    return joined(
        "a run's mean clipped share against its final average, in points",
        primary_traces(evidence).of(evidence.study.with_role(*TRAINED), ""),
        trace("", [metric("policy/clip_frac_active")], counted_runs(evidence, *TRAINED)),
    )


FIGURE = Figure(
    name="clip_against_accuracy",
    data=points,
    draw=draw,
    chart=chart,
    caption=caption,
    notes=notes,
    trace=origin,
)
