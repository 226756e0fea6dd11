"""What came out: final scores against clipping, and differences to the baseline."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from analysis.evidence.evidence import AVERAGE, Evidence, summarise
from analysis.evidence.measures import Measure, run_means
from analysis.figures.style import COLUMN, MUTED, TEXT, Look, looks, percent_ticks
from analysis.statistics import Comparison
from analysis.text.escape import plot
from analysis.text.numbers import p_text
from analysis.text.unit import Unit

LABEL_CHARACTERS = 26
LEGEND_LINE = 0.19
"""Inches a line of a legend at the side."""
CLIPPED = Measure("clip", "policy/clip_frac_active", True)

CHARACTER = 0.056
"""Inches that a character of a label takes at most on average."""


def clip_against_accuracy(evidence: Evidence) -> Figure | None:
    """A small mark a run, a large one the arm's mean; legend at the side."""
    clip, final = 100 * run_means(evidence, CLIPPED), evidence.unit.factor * evidence.primary[AVERAGE]
    style = looks(evidence.study)
    height = max(2.8, LEGEND_LINE * len(evidence.study.with_role("arm", "no_clip", "aa")))
    figure = Figure(figsize=(TEXT, height))
    ax = figure.add_axes((0.095, 0.42 / height, 0.56, 1 - 0.504 / height))
    for arm in evidence.study.with_role("arm", "no_clip", "aa"):
        runs = [r for r in evidence.counted(arm) if r in clip.index and r in final.index]
        if not runs:
            continue
        x, y, look = clip[runs].to_numpy(), final[runs].to_numpy(), style[arm.name]
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
            label=plot(arm.label, LABEL_CHARACTERS),
            **edge,
        )
    if not ax.lines:
        return None
    ax.set_xscale("symlog", linthresh=0.01, linscale=0.4)
    percent_ticks(ax.xaxis, [float(clip.max())])
    ax.set_xlabel("clipped share of active tokens %, mean over the run")
    ax.set_ylabel(f"final average{evidence.unit.mark}")
    ax.legend(loc="center left", bbox_to_anchor=(1.03, 0.5), borderaxespad=0, labelspacing=0.7)
    return figure


def difference_to_baseline(evidence: Evidence) -> Figure | None:
    """A forest plot; the Holm-adjusted p of each arm stands at its right, an arm off the axis as an arrow."""
    summaries = summarise(evidence, evidence.study.mode, evidence.study.temperature)
    shown = [(s, s.comparison) for s in reversed(summaries) if s.comparison is not None]
    if not shown:
        return None
    style = looks(evidence.study)
    height = 0.21 * len(shown) + 0.68
    figure = Figure(figsize=(COLUMN, height))
    labels = [plot(s.arm.label, LABEL_CHARACTERS) for s, _ in shown]
    begin = min(0.55, max(0.4, 0.02 + CHARACTER * max(map(len, labels)) / COLUMN))
    ax = figure.add_axes((begin, 0.42 / height, 0.85 - begin, 1 - 0.68 / height))
    unit = evidence.unit
    left, right = extent([c for s, c in shown if s.arm.role != "no_clip"] or [c for _, c in shown], unit)
    for y, (summary, comparison) in enumerate(shown):
        _forest_row(ax, y, comparison, style[summary.arm.name], (left, right), unit)
        text = "A/A" if summary.arm.role == "aa" else p_text(summary.p_holm)
        ax.text(1.04, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=7)
    ax.text(
        1.04, len(shown), "p", transform=ax.get_yaxis_transform(), va="center", fontsize=7, style="italic"
    )
    ax.axvline(0, color=MUTED, linewidth=0.7, zorder=0)
    ax.set(xlim=(left, right), ylim=(-0.6, len(shown) - 0.4))
    ax.set_yticks(range(len(shown)), labels)
    ax.tick_params(axis="y", length=0, pad=5)
    ax.grid(axis="y", visible=False)
    reference = "reference" if evidence.study.several_references() else "baseline"
    ax.set_xlabel(f"difference to {reference}{' (points)' if unit.percent else ''}", fontsize=7.5)
    return figure


def extent(comparisons: list[Comparison], unit: Unit) -> tuple[float, float]:
    """Axis limits that hold zero and all intervals of the given comparisons."""
    ends = [unit.factor * v for c in comparisons for v in (c.low, c.high, c.difference, 0.0) if v is not None]
    margin = 0.08 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def _forest_row(ax: Any, y: int, c: Comparison, look: Look, limits: tuple[float, float], unit: Unit) -> None:
    point = unit.factor * c.difference
    if not limits[0] <= point <= limits[1]:
        edge, arrow, align = (limits[0], "<", "left") if point < 0 else (limits[1], ">", "right")
        ax.plot([edge], [y], arrow, color=look.color, markersize=4, clip_on=False)
        ax.annotate(
            unit.signed(c.difference), (edge, y), (5 if point < 0 else -5, 0), textcoords="offset points",
            va="center", ha=align, fontsize=7, color=look.color,
        )  # fmt: skip
        return
    if c.low is not None and c.high is not None:
        low, high = unit.factor * c.low, unit.factor * c.high
        ax.plot([low, high], [y, y], "-", color=look.color, linewidth=1.3)
        for end, edge, arrow in ((-low, -limits[0], "<"), (high, limits[1], ">")):
            if end > edge:
                ax.plot([limits[arrow == ">"]], [y], arrow, color=look.color, markersize=3, clip_on=False)
    ax.plot([point], [y], look.marker, color=look.color, markersize=4)
