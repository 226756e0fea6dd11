"""What happened over a run: arms in panels by the arm that they are tested against, which is in each, and by the level of
their ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.dynamics import last_updates
from analysis.escape import plot
from analysis.held_out import base_line, held_out
from analysis.results import Evidence
from analysis.statistics import t_interval
from analysis.study import Arm
from analysis.style import FAINT, Look, looks, panels, percent_ticks, run_lines

LEGEND_CHARACTERS = 24
MOST_IN_PANEL = 4
"""Arms a panel, their reference aside."""
FEWEST_FOR_BAND = 5
"""With fewer runs an interval is many times their spread: bands would hide the runs."""


@dataclass(frozen=True)
class Curve:
    """A quantity by rollout: a row a rollout (index), a column a run; `unit` scales it for the axis."""

    label: str
    table: pd.DataFrame
    scale: float = 100.0
    log: bool = False
    reference: float | None = None
    """Level of a dashed line, unscaled."""


def families(evidence: Evidence) -> list[tuple[str, list[Arm]]]:
    """Panels: a heading and the arms in it. Arms whose runs never started are in none."""
    study, references = evidence.study, evidence.study.references()
    trained = [arm for arm in study.with_role("arm", "no_clip") if evidence.counted(arm)]
    headings = {arm.name: _level(evidence, arm) for arm in trained}
    levels = {headings[arm.name] for arm in trained if arm.role == "arm"}
    only = next(iter(levels)) if len(levels) == 1 else None
    groups: dict[tuple[Arm, str], list[Arm]] = {}
    for arm in trained:
        reference = study.reference_of(arm)
        if reference is not None and arm not in references:
            # where clipped arms have one level, the arm without a clip needs no panel of its own
            groups.setdefault((reference, only or headings[arm.name]), []).append(arm)
    split = []
    for (reference, heading), arms in groups.items():
        size = -(-len(arms) // -(-len(arms) // MOST_IN_PANEL))  # neighbours together: their colours differ
        own = [reference] if evidence.counted(reference) else []
        split += [(heading, own + arms[i : i + size]) for i in range(0, len(arms), size)]
    shown = {arm.name for _, arms in split for arm in arms}
    alone = [arm for arm in references if evidence.counted(arm) and arm.name not in shown]
    return [*split, ("", alone)] if alone or not split else split


def _level(evidence: Evidence, arm: Arm) -> str:
    known = evidence.runs.loc[evidence.counted(arm), "ratio"].dropna()
    return f"{known.iat[0]} ratio" if len(known) else "other arms"


def by_rollout(evidence: Evidence, key: str) -> pd.DataFrame:
    """The metric's mean over each rollout's updates."""
    metrics = evidence.logs.metrics[["run", "rollout", key]].dropna()
    return metrics.groupby(["rollout", "run"])[key].mean().astype("float64").unstack("run")


def rollout_level(evidence: Evidence, key: str) -> pd.DataFrame:
    """A metric logged once a rollout."""
    metrics = last_updates(evidence.logs.metrics)[["run", "rollout", key]].dropna()
    return metrics.set_index(["rollout", "run"])[key].astype("float64").unstack("run")


def draw(evidence: Evidence, curves: list[Curve], row_height: float) -> Figure | None:
    """A row a curve and a column a family; None where nothing was logged."""
    if all(curve.table.empty for curve in curves):
        return None
    groups, style = families(evidence), looks(evidence.study)
    lines = max(len(arms) for _, arms in groups) + 1
    figure, axes = panels(len(groups), len(curves), row_height, below=0.46 + 0.143 * lines)
    for row, curve in enumerate(curves):
        for column, (heading, arms) in enumerate(groups):
            ax = axes[row, column]
            for order, arm in enumerate(arms):
                _arm(ax, evidence, curve, arm, style[arm.name], order)
            if curve.log:
                ax.set_yscale("symlog", linthresh=0.01, linscale=0.4)
                percent_ticks(ax.yaxis, [curve.scale * float(curve.table.max().max())])
            if curve.reference is not None:
                level = curve.scale * curve.reference
                ax.axhline(level, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
            if row == len(curves) - 1:
                ax.set_xlabel("rollout")
                ax.legend(
                    title=heading,
                    alignment="left",
                    loc="upper left",
                    bbox_to_anchor=(-0.05, -0.4 / row_height),
                    borderaxespad=0,
                )
        axes[row, 0].set_ylabel(curve.label)
        if not curve.log:
            axes[row, 0].set_ylim(*_limits(curve))
    return figure


def _limits(curve: Curve) -> tuple[float, float]:
    """A row's limits from its runs: a wide band is cut, it must not flatten what was seen."""
    seen = [*np.ravel(curve.table), *([] if curve.reference is None else [curve.reference])]
    low, high = curve.scale * float(np.nanmin(seen)), curve.scale * float(np.nanmax(seen))
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def _arm(ax: Any, evidence: Evidence, curve: Curve, arm: Arm, look: Look, order: int) -> None:
    runs = [r for r in evidence.counted(arm) if r in curve.table.columns]
    table = curve.scale * curve.table[runs].dropna(how="all")
    x = table.index.to_numpy() + 1
    y = table.to_numpy()
    if not y.size:
        return
    run_lines(ax, x, y, look)
    mean, half = band(y, len(evidence.counted(arm)))
    ax.fill_between(x, mean - half, mean + half, color=look.color, alpha=0.15, linewidth=0, zorder=2)
    every = max(1, len(x) // 5)
    ax.plot(
        x,
        mean,
        color=look.color,
        linestyle=look.dash,
        marker=look.marker,
        markersize=3,
        markevery=(order * every // 4 % max(1, len(x)), every),
        label=plot(arm.label, LEGEND_CHARACTERS),
        zorder=3,
    )


def band(y: NDArray[np.float64], runs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over runs (columns) and half of its 95 % t interval, a row a rollout.

    Both are nan where fewer than `runs` are left, the half also where `runs` are too few for a band.
    """
    mean, half = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for i in np.flatnonzero(np.sum(~np.isnan(y), axis=1) >= runs):
        interval = t_interval(y[i][~np.isnan(y[i])].tolist())
        mean[i] = interval.point
        if runs >= FEWEST_FOR_BAND and interval.half_width is not None:
            half[i] = interval.half_width
    return mean, half


def clip_fraction(evidence: Evidence) -> Figure | None:
    """Clipped share of active tokens, then its low and high parts."""
    keys = (("clipped %", ""), ("low %", "_low"), ("high %", "_high"))
    curves = [
        Curve(label, by_rollout(evidence, f"policy/clip_frac_active{suffix}"), log=True)
        for label, suffix in keys
    ]
    return draw(evidence, curves, row_height=1.05)


def entropy(evidence: Evidence) -> Figure | None:
    """Token entropy of the sampling policy."""
    table = rollout_level(evidence, "rollout/entropy_token")
    return draw(evidence, [Curve("token entropy (nats)", table, scale=1.0)], row_height=1.5)


def ratio_spread(evidence: Evidence) -> Figure | None:
    """Spread of the ratios that the loss used, and of the tokens' own log-ratios, which no averaging narrows."""
    keys = (("ratio sd %", "policy/ratio_std"), ("token log-ratio sd %", "policy/token_log_ratio_std"))
    curves = [Curve(label, by_rollout(evidence, key), log=True) for label, key in keys]
    return draw(evidence, curves, row_height=1.2)


def length(evidence: Evidence) -> Figure | None:
    """Length of the sampled training responses."""
    table = rollout_level(evidence, "rollout/response_tokens")
    return draw(evidence, [Curve("response tokens", table, scale=1.0)], row_height=1.5)


def training(evidence: Evidence) -> Figure | None:
    """Reward of the sampled training responses, then their accuracy."""
    curves = [
        Curve("reward", rollout_level(evidence, "reward/mean"), scale=1.0),
        Curve("accuracy %", rollout_level(evidence, "rollout/accuracy")),
    ]
    return draw(evidence, curves, row_height=1.2)


def held_out_accuracy(evidence: Evidence) -> Figure | None:
    """Held-out accuracy while training, with the untrained base on the same questions as a line."""
    curve = Curve("held-out accuracy %", held_out(evidence), reference=base_line(evidence))
    return draw(evidence, [curve], row_height=1.5)
