"""Clipped share of tokens."""

from __future__ import annotations

from analysis.evidence.curve_rows import Curve, by_rollout
from analysis.evidence.evidence import Evidence
from analysis.figures.curves.family import OVER_UPDATES, curve_figure, metrics_origin


def clip_kind(evidence: Evidence) -> str:
    """The clip fraction that was logged: of active tokens, or of all where imported logs have no other."""
    active = evidence.logs.metrics["policy/clip_frac_active"].notna().any()
    return "clip_frac" if evidence.study.imported and not active else "clip_frac_active"


def rows(evidence: Evidence) -> list[Curve]:
    """Clipped share of tokens, then its low and high parts."""
    kind = clip_kind(evidence)
    keys = (
        (label, f"policy/{kind}{part}")
        for label, part in (("clipped %", ""), ("low %", "_low"), ("high %", "_high"))
    )
    logged = evidence.logs.metrics.columns
    return [Curve(label, by_rollout(evidence, key), log=True) for label, key in keys if key in logged]


def caption(evidence: Evidence) -> str:
    """What is clipped of what."""
    tokens = "tokens with A != 0" if clip_kind(evidence) == "clip_frac_active" else "response tokens"
    return (
        f"Clipped share of {tokens}, mean over a rollout's updates, and its parts clipped low (A < 0) and high "
        "(A > 0); the axis is linear below .01 %"
    )


FIGURE = curve_figure(
    "clip_fraction",
    rows=rows,
    row_height=1.05,
    caption=caption,
    origin=metrics_origin(
        OVER_UPDATES,
        "policy/clip_frac_active",
        "policy/clip_frac_active_low",
        "policy/clip_frac_active_high",
    ),
)
