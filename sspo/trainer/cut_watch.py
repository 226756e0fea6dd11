"""A warning if segments are whole responses or single tokens, which turns one objective into another."""

from __future__ import annotations

import torch

from sspo.config import ObjectiveConfig, SegmentationConfig
from sspo.config.choices import ADAPTATIONS

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
    segments_B = segment_id_BT.amax(1) + 1
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


def _looks_at_segments(objective: ObjectiveConfig) -> bool:
    bounds = objective.bounds
    follows = ADAPTATIONS[bounds.adapt].entropy and bounds.entropy_level == "segment"
    return objective.ratio == "segment" or objective.aggregation == "segment_mean" or follows
