"""Warnings if segments turn one objective into another: whole responses, single tokens, or not ESPO's groups."""

from __future__ import annotations

import torch

from sspo.config import ObjectiveConfig, SegmentationConfig
from sspo.config.choices import ADAPTATIONS
from sspo.objective.ratio import segments_of

ESPO_GROUPS = "entropy_group"
SEE = "show the cuts of a text with `python -m sspo.segmentation.show`"


def empty_cuts(
    segment_id_BT: torch.Tensor, mask_BT: torch.Tensor, rule: SegmentationConfig, objective: ObjectiveConfig
) -> str | None:
    """Return the warning that a rollout's segments are degenerate, or None if they are not or the objective does not
    use them.

    Responses of one token are skipped: they are one segment under every rule.
    """
    tokens_B = mask_BT.sum(1)
    long_B = tokens_B > 1
    if not long_B.any() or not _looks_at_segments(objective):
        return None
    segments_B = segments_of(segment_id_BT)
    if rule.rule != "response" and bool((segments_B == 1)[long_B].all()):
        return (
            f"warning: segmentation={rule.rule} makes one segment of every response of the first rollout, so segment "
            f"quantities are those of whole responses, as with segmentation=response (sspo is then gspo): {SEE}"
        )
    if rule.rule != "token" and bool((segments_B == tokens_B)[long_B].all()):
        return (
            f"warning: segmentation={rule.rule} makes a segment of every token of the first rollout, so segment "
            f"quantities are those of tokens, as with segmentation=token (the ratio of sspo is then that of grpo): {SEE}"
        )
    return None


def other_groups(rule: SegmentationConfig, objective: ObjectiveConfig) -> str | None:
    """Return the warning that bounds of ESPO follow segments other than its groups, or None if they do not.

    Whole responses and the controls of random groups are deliberate comparisons.
    """
    name = rule.random_like if rule.rule == "random" else rule.rule
    if objective.bounds.adapt != "espo" or name in (ESPO_GROUPS, "response"):
        return None
    return (
        f"warning: the bounds of objective={objective.name} (objective.bounds.adapt=espo) follow groups of tokens by entropy in the "
        f"paper (arXiv 2512.00499), but segmentation={rule.rule} makes different segments: set segmentation={ESPO_GROUPS} for the "
        "paper's groups"
    )


def _looks_at_segments(objective: ObjectiveConfig) -> bool:
    bounds = objective.bounds
    follows = ADAPTATIONS[bounds.adapt].entropy and bounds.entropy_level == "segment"
    return objective.ratio == "segment" or objective.aggregation == "segment_mean" or follows
