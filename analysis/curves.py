"""What happened over a run: arms in panels by the level of their ratio, the baseline in each for reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.dynamics import last_updates
from analysis.escape import plot
from analysis.results import Evidence
from analysis.stability_table import base_level
from analysis.statistics.intervals import t_quantile
from analysis.study import Arm
from analysis.style import FAINT, Look, looks, panels, percent_ticks

LEGEND_CHARACTERS = 24
MOST_IN_PANEL = 4
"""Arms a panel, the baseline aside."""


@dataclass(frozen=True)
class Curve:
    """A quantity by rollout: a row a rollout (index), a column a run; `unit` scales it for the axis."""

    label: str
    table: pd.DataFrame
    scale: float = 100.0
    log: bool = False


def families(evidence: Evidence) -> list[tuple[str, list[Arm]]]:
    """Panels: a heading and the arms in it. Arms whose runs never started are in none."""
    groups: dict[str, list[Arm]] = {}
    for arm in evidence.study.with_role("arm", "no_clip"):
        known = evidence.runs.loc[evidence.counted(arm), "ratio"].dropna()
        if len(evidence.counted(arm)) and arm.name != evidence.study.baseline:
            groups.setdefault(f"{known.iat[0]} ratio" if len(known) else "other arms", []).append(arm)
    split = []
    for heading, arms in groups.items():
        size = -(-len(arms) // -(-len(arms) // MOST_IN_PANEL))  # neighbours together: their colours differ
        split += [(heading, arms[i : i + size]) for i in range(0, len(arms), size)]
    baseline = evidence.study.arm(evidence.study.baseline)
    own = [baseline] if baseline and evidence.counted(baseline) else []
    return [(heading, own + arms) for heading, arms in split] or [("", own)]


def by_rollout(evidence: Evidence, key: str) -> pd.DataFrame:
    """The metric's mean over each rollout's updates."""
    metrics = evidence.logs.metrics[["run", "rollout", key]].dropna()
    return metrics.groupby(["rollout", "run"])[key].mean().astype("float64").unstack("run")


def rollout_level(evidence: Evidence, key: str) -> pd.DataFrame:
    """A metric logged once a rollout."""
    metrics = last_updates(evidence.logs.metrics)[["run", "rollout", key]].dropna()
    return metrics.set_index(["rollout", "run"])[key].astype("float64").unstack("run")


def held_out(evidence: Evidence) -> pd.DataFrame:
    """Mean over sets of sampled accuracy at T = 1; where a rollout has a final evaluation it alone counts."""
    rows = evidence.evaluation
    rows = rows[(rows["mode"] == "sampled") & (rows["temperature"] == 1.0) & (rows["rollout"] >= 0)]
    by_set = rows.groupby(["rollout", "run", "final", "set"], observed=True)["value"].mean()
    average = by_set.groupby(level=["rollout", "run", "final"]).mean().astype("float64")
    return average.groupby(level=["rollout", "run"]).last().unstack("run")


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
    return figure


def _arm(ax: Any, evidence: Evidence, curve: Curve, arm: Arm, look: Look, order: int) -> None:
    runs = [r for r in evidence.counted(arm) if r in curve.table.columns]
    table = curve.scale * curve.table[runs].dropna(how="all")
    x = table.index.to_numpy() + 1
    y = table.to_numpy()
    if not y.size:
        return
    gap = np.full((1, y.shape[1]), np.nan)  # one path for all runs: a tenth of the file
    ax.plot(
        np.tile(np.append(x, np.nan), y.shape[1]),
        np.vstack([y, gap]).T.ravel(),
        color=look.color,
        linewidth=0.35,
        alpha=0.35,
        zorder=1,
    )
    mean, half = _band(y)
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


def _band(y: Any) -> tuple[Any, Any]:
    """Mean over runs (columns) and half of its 95 % t interval; nan where fewer than two runs got that far."""
    n = np.sum(~np.isnan(y), axis=1)
    mean = np.nanmean(y, axis=1)
    half = np.full(len(y), np.nan)
    for i in np.flatnonzero(n > 1):
        half[i] = t_quantile(n[i] - 1, 0.95) * np.nanstd(y[i], ddof=1) / np.sqrt(n[i])
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


def training_accuracy(evidence: Evidence) -> Figure | None:
    """Accuracy of the sampled training responses."""
    return draw(
        evidence, [Curve("training accuracy %", rollout_level(evidence, "rollout/accuracy"))], row_height=1.5
    )


def held_out_accuracy(evidence: Evidence) -> Figure | None:
    """Held-out accuracy while training, with the untrained base as a line."""
    figure = draw(evidence, [Curve("held-out accuracy %", held_out(evidence))], row_height=1.5)
    level = base_level(evidence)
    if figure is not None and level is not None:
        for ax in figure.axes:
            ax.axhline(100 * level, color=FAINT, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    return figure
