"""VARIANTS: the one table of named objectives. A variant is a row of choices, pinned on every axis to its paper.

Reading sspo: only the abstract of arXiv 2511.04256 is public to us, so its row is our reading of it and every
choice in it is configuration. The bound .05 is a starting point for segments of about ten tokens, where averaging
log-ratios shrinks them; it is no constant of the paper.
"""

from __future__ import annotations

from dataclasses import replace

from sspo.config import BoundsConfig, ClipConfig, ObjectiveConfig

_GRPO = ObjectiveConfig(
    name="grpo",
    paper="2402.03300",
    advantage="group_norm",
    ratio="token",
    term="ppo",
    clip=ClipConfig(low=0.2, high=0.2),
    bounds=BoundsConfig(adapt="none", alpha=0.0, entropy_level="segment", side="both"),
    aggregation="response_mean",
)

_ROWS = (
    _GRPO,
    replace(_GRPO, name="no_clip", term="unclipped"),
    replace(
        _GRPO,
        name="dapo",
        paper="2503.14476",
        clip=ClipConfig(low=0.2, high=0.28),
        aggregation="token_mean",
    ),
    replace(
        _GRPO,
        name="dr_grpo",
        paper="2503.20783",
        advantage="group_mean",
        aggregation="constant",
    ),
    replace(
        _GRPO,
        name="gspo",
        paper="2507.18071",
        ratio="response",
        clip=ClipConfig(low=3e-4, high=4e-4),
    ),
    replace(
        _GRPO,
        name="sspo",
        paper="2511.04256",
        ratio="segment",
        clip=ClipConfig(low=0.05, high=0.05),
        bounds=BoundsConfig(adapt="tanh", alpha=0.5, entropy_level="segment", side="both"),
    ),
)

VARIANTS: dict[str, ObjectiveConfig] = {row.name: row for row in _ROWS}
