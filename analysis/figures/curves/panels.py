"""The arms that share a panel of curves, and its contents: means, bands and the ends of the axis."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from analysis.statistics import half_widths

MOST_IN_PANEL = 4
"""The most arms per panel, not counting their reference."""
MOST_GROUPS = 4
"""The most panels side by side: with more, arms are not also separated by the level of their ratio."""
FEWEST_FOR_BAND = 5
"""With fewer runs an interval is many times their spread, and the runs are drawn instead."""
PERCENT = 100.0
"""The scale of a share, whose band ends at 0 and 100."""
Floats = NDArray[np.float64]


def x_name(evidence: Evidence, curve: Curve) -> str:
    """Return what a curve's places are called. Only runs of ours have rollouts: those of foreign logs are their steps, and so are
    those of imported scores."""
    if not evidence.study.imported:
        return "rollout"
    metrics = evidence.logs.metrics
    ours = bool((metrics["rollout"] != metrics["step"] - 1).any())
    if curve.of_scores:
        return "optimizer step" if ours else "logged step"
    return "rollout" if ours else "logged step"


@dataclass(frozen=True)
class Band:
    """Mean over runs by rollout with the ends of its 95 % t interval; nan if there is none."""

    mean: Floats
    low: Floats
    high: Floats


@functools.lru_cache(maxsize=4)
def families(evidence: Evidence) -> list[tuple[str, list[Arm]]]:
    """Return the panels: a heading and its arms, the reference first. Arms whose runs never started are in
    none.
    """
    study, references = evidence.study, evidence.study.references()
    trained = [arm for arm in study.with_role("arm", "no_clip") if evidence.counted(arm)]
    groups = _grouped(evidence, trained, by_level=not study.several_references())
    if sum(-(-len(arms) // MOST_IN_PANEL) for arms in groups.values()) > MOST_GROUPS:
        groups = _grouped(evidence, trained, by_level=False)
    split = []
    for (reference, heading), arms in groups.items():
        parts = -(-len(arms) // MOST_IN_PANEL)
        size = -(-len(arms) // parts)  # neighbors together: their colors differ
        own = [reference] if evidence.counted(reference) else []
        for part in range(parts):
            count = f" ({part + 1} of {parts})" if parts > 1 else ""
            split.append((f"{heading}{count}", own + arms[part * size : (part + 1) * size]))
    shown = {arm.name for _, arms in split for arm in arms}
    alone = [arm for arm in references if evidence.counted(arm) and arm.name not in shown]
    split = [*split, ("", alone)] if alone or not split else split
    return [("", split[0][1])] if len(split) == 1 else split


def _grouped(
    evidence: Evidence, trained: Sequence[Arm], *, by_level: bool
) -> dict[tuple[Arm, str], list[Arm]]:
    """Group arms by their reference, and by the level of their ratio if it differs."""
    study, references = evidence.study, evidence.study.references()
    headings = {arm.name: _level(evidence, arm) for arm in trained}
    levels = {headings[arm.name] for arm in trained if arm.role == "arm"}
    # if clipped arms share one level, the arm without a clip needs no panel of its own
    apart = by_level and len(levels) > 1
    groups: dict[tuple[Arm, str], list[Arm]] = {}
    for arm in trained:
        reference = study.reference_of(arm)
        if reference is not None and arm not in references:
            heading = headings[arm.name] if apart else f"against {reference.label}"
            groups.setdefault((reference, heading), []).append(arm)
    return groups


def _level(evidence: Evidence, arm: Arm) -> str:
    known = evidence.runs.loc[evidence.counted(arm), "ratio"].dropna()
    return f"{known.iat[0]} ratio" if len(known) else "other arms"


def of_arm(evidence: Evidence, curve: Curve, arm: Arm) -> Floats:
    """Return an arm's values on the axis: one row per rollout, one column per run that logged any."""
    columns = [curve.by_run[run] for run in logged(evidence, curve, arm)]
    return np.column_stack(columns) if columns else np.empty((len(curve.table), 0))


def logged(evidence: Evidence, curve: Curve, arm: Arm) -> list[int]:
    """Return the arm's runs that the curve has."""
    return [run for run in evidence.counted(arm) if run in curve.by_run]


def arms_of(evidence: Evidence, curve: Curve) -> list[Arm]:
    """Return the arms for which the curve has values, references first."""
    everyone = [arm for _, arms in families(evidence) for arm in arms]
    return [a for a in dict.fromkeys(everyone) if np.isfinite(of_arm(evidence, curve, a)).any()]


def shows_runs(evidence: Evidence, arm: Arm) -> bool:
    """Return whether an arm's runs are drawn as thin lines because they are too few for a band."""
    return len(evidence.counted(arm)) < FEWEST_FOR_BAND


def limits(evidence: Evidence, curve: Curve) -> tuple[float, float]:
    """Return a row's limits from what is drawn in it. A band is cut beyond the runs: it must not flatten the
    data.
    """
    arms = arms_of(evidence, curve)
    if curve.robust:
        arms = [arm for arm in arms if arm.role != "no_clip"] or arms
    ends = [] if curve.reference is None else [curve.scale * curve.reference]
    for arm in arms:
        y = of_arm(evidence, curve, arm)
        shown = band(y, len(evidence.counted(arm)), curve)
        lowest, highest = np.nanmin(y), np.nanmax(y)
        if shows_runs(evidence, arm) or not np.isfinite(shown.mean).any():
            ends += [lowest, highest]
        else:
            ends += [np.nanmin(shown.mean), np.nanmax(shown.mean)]
            ends += [max(lowest, _least(shown.low, lowest)), min(highest, -_least(-shown.high, -highest))]
    low, high = float(min(ends)), float(max(ends))
    if curve.geometric:
        return max(low, 1e-6) / 1.25, max(high, 1e-6) * 1.25
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def off_axis(
    evidence: Evidence, curve: Curve, arms: Sequence[Arm], span: tuple[float, float]
) -> list[tuple[Arm, float]]:
    """Return the arms whose mean leaves an axis, with its furthest value."""
    (low, high), found = span, []
    for arm in arms:
        mean = band(of_arm(evidence, curve, arm), len(evidence.counted(arm)), curve).mean
        mean = mean[np.isfinite(mean)]
        if len(mean) and not (low <= mean.min() and mean.max() <= high):
            found.append((arm, float(mean.max() if mean.max() > high else mean.min())))
    return found


def _least(values: Floats, otherwise: float) -> float:
    return float(np.nanmin(values)) if np.isfinite(values).any() else otherwise


def band(y: Floats, runs: int, curve: Curve) -> Band:
    """Return the mean over runs (columns) with its interval, one row per rollout.

    No mean if fewer than `runs` are left, and no interval if `runs` are too few for a band. Intervals of a
    spread are those of its logarithms; those of a share on a log axis are those of its arcsine root; those of
    other shares end at 0 and 100 %.
    """
    if curve.geometric:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(y > 0, np.log(y), np.nan)
        mean, half = _mean_and_half(logs, runs)
        return Band(np.exp(mean), np.exp(mean - half), np.exp(mean + half))
    mean, half = _mean_and_half(y, runs)
    low, high = mean - half, mean + half
    if curve.log:
        middle, half = _mean_and_half(np.arcsin(np.sqrt(np.clip(y / PERCENT, 0.0, 1.0))), runs)
        ends = (np.clip(middle + sign * half, 0.0, np.pi / 2) for sign in (-1, 1))
        low, high = (PERCENT * np.sin(end) ** 2 for end in ends)
        return Band(mean, np.minimum(low, mean), np.maximum(high, mean))
    if curve.scale == PERCENT:
        low, high = np.maximum(low, 0.0), np.minimum(high, PERCENT)
    return Band(mean, low, high)


def _mean_and_half(y: Floats, runs: int) -> tuple[Floats, Floats]:
    mean, half = np.full(len(y), np.nan), np.full(len(y), np.nan)
    seen = ~np.isnan(y)
    for n in {int(n) for n in seen.sum(axis=1) if n >= max(runs, 1)}:
        rows = np.flatnonzero(seen.sum(axis=1) == n)
        values = y[rows][seen[rows]].reshape(len(rows), n)
        mean[rows] = values.mean(axis=1)
        if runs >= FEWEST_FOR_BAND:
            half[rows] = half_widths(values)
    return mean, half
