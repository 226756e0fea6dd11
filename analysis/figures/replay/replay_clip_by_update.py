"""Clip fraction by optimizer step within a rollout, at matched bounds."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure as Printed
from matplotlib.ticker import MaxNLocator

from analysis.evidence.replay import Replay, ReplayCurve
from analysis.figures.figure import Figure
from analysis.figures.model import Axis, Chart, Panel
from analysis.figures.replay.chart import clipped, mean_of_runs, numbers, shown
from analysis.figures.replay.family import RUNS, UPRIGHT, by_run, foot, look_of, origin, rule_series
from analysis.figures.replay.printed import clip_axis, handles, legend, panel
from analysis.figures.replay.printed import mean_of_runs as draw_runs

STEP = "optimizer step within a rollout"


@dataclass(frozen=True)
class Steps:
    """Clip fractions in percent by step (index, from 1) and run (columns), at the bounds of one target."""

    target: float
    curves: list[tuple[ReplayCurve, pd.DataFrame]]


def steps(replay: Replay) -> Steps | None:
    """Return the steps at the bounds of the middle target; None without matched bounds."""
    target = middle_target(replay)
    if target is None:
        return None
    found = []
    for curve in replay.curves:
        for match in replay.matches(curve):
            if match.target == target:
                table = by_run(replay.at_every_update(match), "update")
                table.index = table.index + 1
                found.append((curve, table))
    return Steps(target, found)


def middle_target(replay: Replay) -> float | None:
    """Return the middle one of the targets to which some rule was matched, the lower one of two."""
    targets = sorted({match.target for match in replay.summary.matched})
    return targets[(len(targets) - 1) // 2] if targets else None


def draw(replay: Replay, found: Steps) -> Printed:
    """Draw one line per rule."""
    figure, ax = panel(replay)
    for curve, table in found.curves:
        draw_runs(ax, table, look_of(replay, curve), curve.label, marked=True)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(STEP)
    clip_axis(ax, (found.target,))
    legend(ax, handles(ax))
    return figure


def chart(replay: Replay, found: Steps) -> Chart:
    """Return the same lines as a chart."""
    everyone = rule_series(replay)
    lines = [mean_of_runs(everyone[curve], table) for curve, table in found.curves]
    at = [x for line in lines for x in line.x]
    only = Panel(
        title="",
        x=Axis(label=STEP, low=min(at), high=max(*at, min(at) + 1)),
        y=clipped(lines),
        lines=lines,
        levels=[100 * found.target],
    )
    table = numbers("Clipped share of active tokens %, mean over runs", "step", lines)
    return Chart(name=FIGURE.name, series=shown(everyone.values(), lines), panels=[only], tables=[table])


def caption(_: Replay) -> str:
    """Return which bounds are used."""
    return (
        "Clipped share of tokens with A ≠ 0 by optimizer step within a rollout, at bounds matched to the dashed target; "
        f"{RUNS}"
    )


def notes(replay: Replay) -> tuple[str, ...]:
    """Return how the first update differs."""
    met = "Bounds match the target over all steps from the second on; on the first, ratios are 1."
    return met, UPRIGHT, *foot(replay)


FIGURE = Figure(
    name="replay_clip_by_update",
    data=steps,
    draw=draw,
    chart=chart,
    caption=caption,
    notes=notes,
    trace=origin,
)
