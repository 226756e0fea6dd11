"""VARIANTS: the one table of named objectives. A variant is a row of choices, pinned on every axis to its paper.

Frameworks' defaults differ from the papers and from each other: docs/objectives.md has each row's formula and the behavior of
verl, TRL and others under the same name. A name claims no more than its row: `dcpo_clip` and `hapo_clip` are the clip
bounds of those papers alone, `rloo` is the token-level PPO loss that frameworks run under that name, and `dapo` and
`dapo_group` are its clip and aggregation, whose dynamic sampling and overlong penalty are options of the rollout and reward.
`lpo` cuts where the rule in use cuts, and `espo` is its paper's with rule `entropy_group` alone.

Reading sspo: only the abstract of arXiv 2511.04256 is public to us, so its row is our reading of it and every
choice in it is configuration. The bound 0.05 is a starting point for segments of about ten tokens, where averaging
log-ratios shrinks them; it is not a constant of the paper. The rows after it change one choice of it each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sspo.config import BoundsConfig, ClipConfig, ObjectiveConfig
from sspo.config.plugins.table import Plugin, PluginTable
from sspo.errors import UserError

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
_DAPO = replace(
    _GRPO,
    name="dapo",
    paper="2503.14476",
    clip=ClipConfig(low=0.2, high=0.28),
    aggregation="token_mean",
)
_DPPO = replace(
    _GRPO,
    name="dppo_tv",
    paper="2602.04879",
    advantage="group_mean",
    term="masked",
    clip=ClipConfig(low=0.15, high=0.15),
    bounds=BoundsConfig(adapt="binary_tv"),
    aggregation="constant",
)
_SSPO = replace(
    _GRPO,
    name="sspo",
    paper="2511.04256",
    ratio="segment",
    clip=ClipConfig(low=0.05, high=0.05),
    bounds=BoundsConfig(adapt="tanh", alpha=0.5, entropy_level="segment", side="both"),
)


def _ablated(name: str, **bounds: str | float) -> ObjectiveConfig:
    """Return sspo with different options of its bounds."""
    return replace(_SSPO, name=name, bounds=replace(_SSPO.bounds, **bounds))  # type: ignore[arg-type]


_PUBLISHED = (
    _GRPO,
    replace(_GRPO, name="no_clip", term="unclipped"),
    _DAPO,
    replace(_DAPO, name="dapo_group", aggregation="group_token_mean"),
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
        name="cispo",
        paper="2506.13585",
        term="cispo",
        clip=ClipConfig(low=1.0, high=4.0),
        aggregation="token_mean",
    ),
    replace(
        _GRPO,
        name="gmpo",
        paper="2507.20673",
        ratio="response",
        term="gmpo",
        clip=ClipConfig(low=0.4, high=0.4),
    ),
    replace(_GRPO, name="sapo", paper="2511.20347", term="sapo"),
    replace(_GRPO, name="rloo", paper="2402.14740", advantage="leave_one_out", aggregation="token_mean"),
    replace(
        _GRPO,
        name="reinforce_pp",
        paper="2501.03262",
        advantage="whitened",
        aggregation="token_mean",
    ),
    replace(
        _GRPO,
        name="reinforce_pp_baseline",
        paper="2501.03262",
        advantage="group_mean_whitened",
        aggregation="token_mean",
    ),
    replace(
        _GRPO,
        name="dcpo_clip",
        paper="2509.02333",
        clip=ClipConfig(low=0.16, high=0.2),
        bounds=replace(_GRPO.bounds, adapt="dcpo"),
    ),
    replace(
        _GRPO,
        name="hapo_clip",
        paper="2509.16591",
        bounds=BoundsConfig(adapt="hapo", alpha=1.0, entropy_level="token", side="both"),
        aggregation="token_mean",
    ),
    replace(
        _GRPO,
        name="lpo",
        paper="2510.22115",
        ratio="segment",
        clip=ClipConfig(low=0.03, high=0.03),
        aggregation="group_token_mean",
    ),
    replace(
        _GRPO,
        name="espo",
        paper="2512.00499",
        ratio="segment",
        clip=ClipConfig(low=0.02, high=0.02),
        bounds=replace(_GRPO.bounds, adapt="espo"),
        aggregation="segment_mean",
    ),
    replace(
        _GRPO,
        name="luspo",
        paper="2602.05261",
        ratio="response",
        clip=ClipConfig(low=2e-3, high=2.5e-3),
        aggregation="token_sum",
    ),
    replace(
        _GRPO,
        name="gapo",
        paper="2609.00444",
        advantage="group_mean",
        ratio="response",
        clip=ClipConfig(low=3e-3, high=5e-3),
        bounds=replace(_GRPO.bounds, adapt="gapo"),
    ),
    replace(
        _GRPO,
        name="ctpo",
        paper="2605.07331",
        ratio="prefix",
        pooling="sum",
        clip=ClipConfig(low=0.025, high=0.05, dual=0.05),
        bounds=replace(_GRPO.bounds, adapt="position", alpha=0.5),
        aggregation="token_mean",
    ),
    _DPPO,
    replace(
        _DPPO,
        name="dppo_kl",
        clip=ClipConfig(low=0.05, high=0.05),
        bounds=replace(_GRPO.bounds, adapt="binary_kl"),
    ),
    replace(_GRPO, name="ce_gppo", paper="2509.20712", term="ce_gppo", aggregation="token_mean"),
    replace(
        _GRPO,
        name="vespo",
        paper="2602.10693",
        advantage="group_mean",
        ratio="response",
        pooling="sum",
        term="vespo",
        aggregation="token_mean",
    ),
)

_ABLATIONS = (
    _SSPO,
    _ablated("sspo_fixed", adapt="none", alpha=0.0),
    _ablated("sspo_reversed", alpha=-0.5),
    _ablated("sspo_shuffled", adapt="shuffled"),
    _ablated("sspo_linear", adapt="linear"),
    _ablated("sspo_rank", adapt="rank"),
    _ablated("sspo_sqrt", adapt="sqrt"),
    _ablated("sspo_high_only", side="high"),
    _ablated("sspo_low_only", side="low"),
    _ablated("sspo_token_entropy", entropy_level="token"),
    _ablated("sspo_response_entropy", entropy_level="response"),
)


def _row(plugin: Plugin) -> ObjectiveConfig:
    """Return a user's own row, under the name that leads to it. Raises UserError if it is not an objective."""
    row = plugin.load()
    if not isinstance(row, ObjectiveConfig):
        raise UserError(
            f"{plugin.key}={plugin.name} must be an ObjectiveConfig of sspo.config, got {type(row).__name__}"
        )
    return replace(row, name=plugin.name)


HOUSE_VARIANTS: Mapping[str, ObjectiveConfig] = {row.name: row for row in (*_PUBLISHED, *_ABLATIONS)}
VARIANTS: Mapping[str, ObjectiveConfig] = PluginTable("objective", HOUSE_VARIANTS, _row)
