"""Where a response is cut: token ids -> segment_id_BT. A new rule is a file and a row in RULES.

A rule says after which tokens a segment ends; what all rules share (ids from 0, non-decreasing, -1 off the mask,
short segments merged forward) happens once, here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import PreTrainedTokenizerBase

from sspo.config import SegmentationConfig
from sspo.errors import unknown
from sspo.randomness import derive
from sspo.segmentation.delimiters import sentence_cuts, subsentence_cuts
from sspo.segmentation.lengths import fixed_cuts, response_cuts, token_cuts
from sspo.segmentation.shuffled import shuffled_cuts
from sspo.segmentation.spans import Responses, ids_from_cuts, merge_short

Rule = Callable[[Responses, SegmentationConfig], torch.Tensor]
"""Responses -> cut_BT, True on the last token of a segment."""

RULES: dict[str, Rule] = {
    "token": token_cuts,
    "response": response_cuts,
    "subsentence": subsentence_cuts,
    "sentence": sentence_cuts,
    "fixed": fixed_cuts,
}


def segmentation_seed(seed: int, rollout: int) -> int:
    """The seed of a rollout's random cuts, in training as in replay."""
    return derive(seed, "segmentation", rollout)


def segment(
    token_ids_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    rule_config: SegmentationConfig,
    tokenizer: PreTrainedTokenizerBase,
    entropy_BT: torch.Tensor | None = None,
    seed: int | None = None,
) -> torch.Tensor:
    """segment_id_BT: contiguous from 0 in each row, non-decreasing, -1 off the mask.

    `mask_BT` is True on a prefix of each row. Rule 'random' shuffles the lengths that `random_like` gives and needs
    `seed`; its draw depends on the seed and the row's own tokens. `entropy_BT` (nats) is for rules that cut by it.
    """
    del entropy_BT  # no rule of this table cuts by entropy
    responses = Responses(token_ids_BT=token_ids_BT, mask_BT=mask_BT, tokenizer=tokenizer)
    shuffle = rule_config.rule == "random"
    name = rule_config.random_like if shuffle else rule_config.rule
    if name not in RULES:
        raise unknown("segmentation rule", name, [*RULES, "random"])
    cut_BT = merge_short(RULES[name](responses, rule_config) & mask_BT, rule_config.min_tokens)
    if shuffle:
        if seed is None:
            raise ValueError("segmentation rule 'random' needs a seed")
        cut_BT = shuffled_cuts(responses, cut_BT, seed)
    return ids_from_cuts(cut_BT, mask_BT)
