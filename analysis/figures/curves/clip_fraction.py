"""Clipped share of tokens."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve, by_rollout
from analysis.evidence.evidence import Evidence
from analysis.figures.clipping import matched
from analysis.figures.curves.family import OVER_UPDATES, curve_figure, metrics_origin


def clip_kind(evidence: Evidence) -> str:
    """Return the clip fraction that was logged: of active tokens, or of all tokens if imported logs have no
    other.
    """
    active = evidence.logs.metrics["policy/clip_frac_active"].notna().any()
    return "clip_frac" if evidence.study.imported and not active else "clip_frac_active"


def rows(evidence: Evidence) -> list[Curve]:
    """Return the clipped share of tokens, then its low and high parts. If every arm is matched to a target,
    only the share is informative: it gets one panel.
    """
    kind = clip_kind(evidence)
    if matched(evidence):
        table = by_rollout(evidence, f"policy/{kind}")
        arms = evidence.study.with_role("arm")
        own = [run for arm in arms for run in evidence.counted(arm) if run in table.columns]
        targets = {arm.target_clip_frac for arm in arms}
        target = targets.pop() if len(targets) == 1 else None
        return [Curve("clipped %", table[own], reference=target, named="target", together=True)]
    keys = (
        (label, f"policy/{kind}{part}")
        for label, part in (("clipped %", ""), ("clipped low %", "_low"), ("clipped high %", "_high"))
    )
    logged = evidence.logs.metrics.columns
    return [Curve(label, by_rollout(evidence, key), log=True) for label, key in keys if key in logged]


def caption(evidence: Evidence) -> str:
    """Return which tokens the share is of."""
    tokens = "tokens with A ≠ 0" if clip_kind(evidence) == "clip_frac_active" else "response tokens"
    if matched(evidence):
        return f"Clipped share of {tokens}, to which every arm was matched"
    return f"Clipped share of {tokens}, and its parts clipped low (A < 0) and high (A > 0)"


def notes(evidence: Evidence) -> tuple[str, ...]:
    """Return how updates are pooled, and what the axis is."""
    pooled = "Each point is the mean over a rollout's updates; A is a token's advantage."
    below = (
        "Targets apply from the second update of a rollout on; on the first, ratios are 1 and little is clipped, so "
        "means are below them."
    )
    scale = (
        "The axis is linear below 0.01 %; intervals are computed on the arcsine-root scale, which ends at 0."
    )
    return pooled, below if matched(evidence) else scale


FIGURE = curve_figure(
    "clip_fraction",
    rows=rows,
    row_height=1.05,
    caption=caption,
    notes=notes,
    origin=metrics_origin(
        OVER_UPDATES,
        "policy/clip_frac_active",
        "policy/clip_frac_active_low",
        "policy/clip_frac_active_high",
    ),
)
