"""Segmentation of responses: token ids -> segment_id_BT. A new rule is one new file in rules/.

A rule determines after which tokens a segment ends, or it groups tokens that need not be neighbors; everything that rules
share (ids, -1 off the mask, short segments merged forward, long ones split) happens once, here. Ids count from 0 without
gaps in each row. They are non-decreasing under every rule but `entropy_group` and `random` of it. docs/segmentation.md has
every rule and option.

rules            the rules, one file each
delimiters       cuts at delimiters
random_cuts      the control: the same lengths in shuffled order
random_groups    the control: groups of the same sizes, of shuffled tokens
even_cuts        the control: as many segments, of equal lengths
own_rule         a rule of the user's own, checked
cuts             cuts, segment ids and lengths
vocabulary       the text of every piece of a vocabulary
readable         a check that this text is what its tokenizer decodes
delimiter_table  the pieces that hold each character
events           delimiters and brackets in the order of the text
walks            automata over the text before or after an event
protections      numbers and abbreviations
list_numbers     marks that number the text after them
openers          asterisks and quotation marks that open
latex            LaTeX spans
code             code spans
token_text       the text that each token adds
show             `python -m sspo.segmentation.show`
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from sspo.config import SegmentationConfig
from sspo.config.folder_table import FolderTable
from sspo.config.plugins.in_use import rules_in_use
from sspo.config.plugins.table import PluginTable
from sspo.errors import unknown
from sspo.objective.ratio import ids_from_cuts, segments_of
from sspo.randomness import derive
from sspo.segmentation.cuts import Responses, merge_short, split_long
from sspo.segmentation.even_cuts import even_cuts
from sspo.segmentation.own_rule import Rule, own_rule
from sspo.segmentation.random_cuts import shuffled_cuts
from sspo.segmentation.random_groups import shuffled_groups
from sspo.segmentation.readable import readable_vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

RULES: Mapping[str, Rule] = PluginTable(
    "rule", FolderTable("sspo.segmentation.rules", "cuts", some=True), own_rule
)
"""Rules that cut."""
GROUPS: Mapping[str, Rule] = FolderTable("sspo.segmentation.rules", "groups", some=True)
"""Rules that group tokens: they return segment ids."""
READS_TEXT: Mapping[str, bool] = FolderTable("sspo.segmentation.rules", "READS_TEXT")
OPTIONS: Mapping[str, tuple[str, ...]] = FolderTable("sspo.segmentation.rules", "OPTIONS")


def segmentation_seed(seed: int, rollout: int) -> int:
    """Return the seed of a rollout's random cuts, in training as in replay."""
    return derive(seed, "segmentation", rollout)


def check_readable(rule_config: SegmentationConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise UserError, before any sampling, if the rule reads text and the tokenizer's pieces cannot be read."""
    if any(READS_TEXT.get(name, False) for name in rules_in_use(rule_config)):
        readable_vocabulary(tokenizer)


def segment(
    token_ids_BT: torch.Tensor,
    mask_BT: torch.Tensor,
    rule_config: SegmentationConfig,
    tokenizer: PreTrainedTokenizerBase,
    entropy_BT: torch.Tensor | None = None,
    seed: int | None = None,
) -> torch.Tensor:
    """Return segment_id_BT, (B, T) int64: from 0 without gaps in each row, -1 off the mask; non-decreasing unless the
    rule groups tokens.

    `token_ids_BT` are token ids; `mask_BT` is True on a prefix of each row. Rule 'random' shuffles the segment lengths
    of `random_like`, or the tokens of its groups, and needs `seed` (ValueError without); its draw depends on the seed and
    the row's own tokens. `entropy_BT` (nats) is for rules that read it. Raises UserError if the rule reads text that the tokenizer's pieces
    do not give.
    """
    if token_ids_BT.numel() == 0:
        return token_ids_BT.new_full(token_ids_BT.shape, -1, dtype=torch.long)
    responses = Responses(
        token_ids_BT=token_ids_BT, mask_BT=mask_BT, tokenizer=tokenizer, entropy_BT=entropy_BT
    )
    if rule_config.rule != "random":
        return _ids(rule_config.rule, responses, rule_config)
    if seed is None:
        raise ValueError("segmentation rule 'random' needs a seed")
    like = rule_config.random_like
    if like in GROUPS:
        return shuffled_groups(responses, _ids(like, responses, rule_config), seed)
    return ids_from_cuts(shuffled_cuts(responses, _cuts(like, responses, rule_config), seed), mask_BT)


def _ids(name: str, responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return segment ids of a rule that draws nothing."""
    if name in GROUPS:
        return GROUPS[name](responses, config)
    return ids_from_cuts(_cuts(name, responses, config), responses.mask_BT)


def _cuts(name: str, responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT of a rule that draws nothing, within min_tokens and max_tokens."""
    if name == "fixed" and config.fixed_like is not None:
        return even_cuts(responses.mask_BT, segments_of(_ids(config.fixed_like, responses, config)))
    if name not in RULES:
        raise unknown("segmentation rule", name, [*RULES, *GROUPS, "random"])
    cut_BT = merge_short(RULES[name](responses, config) & responses.mask_BT, config.min_tokens)
    return split_long(cut_BT, responses.mask_BT, config.max_tokens)
