"""Turns of a conversation: a segment ends right before a mark that opens the next turn."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING

import torch

from sspo.config import SegmentationConfig
from sspo.segmentation.cuts import Responses
from sspo.segmentation.delimiter_table import LINE_MARKS, Kind, mark_table
from sspo.segmentation.events import find_events
from sspo.segmentation.walks import Automaton, accepted

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OPTIONS: tuple[str, ...] = ("roles",)
READS_TEXT = True
OPENERS = (
    "<|im_start|>",  # ChatML: Qwen, Yi, InternLM, SmolLM
    "<|start_header_id|>",  # Llama 3
    "<|header_start|>",  # Llama 4
    "<start_of_turn>",  # Gemma
    *("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|observation|>"),  # Phi, GLM, Zephyr
    *("<｜User｜>", "<｜Assistant｜>", "<｜tool▁outputs▁begin｜>"),  # DeepSeek
    *("<|im_system|>", "<|im_user|>", "<|im_assistant|>"),  # Kimi
    *("[SYSTEM_PROMPT]", "[INST]", "[TOOL_RESULTS]"),  # Mistral
    "<|start|>",  # gpt-oss
    "<|start_of_role|>",  # Granite
    "<|START_OF_TURN_TOKEN|>",  # Command R
)
"""Tokens of chat formats that open a turn, as far as a vocabulary has them."""
HANDOVERS = ("[/SYSTEM_PROMPT]", "[/INST]", "[/TOOL_RESULTS]")
"""Tokens that end a turn in a format without a mark for the next one."""


def cuts(responses: Responses, config: SegmentationConfig) -> torch.Tensor:
    """Return cut_BT: a turn ends right before a token of OPENERS and before a line that begins with a role and a colon,
    and with a token of HANDOVERS.

    The line break belongs to the turn that it ends, as do end-of-turn tokens and the blanks after them.
    """
    opens_V, hands_over_V = _marks(responses.tokenizer)
    events = find_events(responses, mark_table(responses.tokenizer, LINE_MARKS, spans=False))
    break_e = events.is_kind(Kind.NEWLINE).nonzero().squeeze(1)
    cut_N = torch.zeros(len(events.ids_N), dtype=torch.bool)
    if config.roles:
        opened_e = accepted(events, break_e, _role_line(config.roles), "line")
        cut_N[events.position_E[break_e[opened_e]]] = True
    id_BT = events.ids_N.view(responses.mask_BT.shape)
    cut_BT = cut_N.view(responses.mask_BT.shape)
    cut_BT[:, :-1] |= opens_V[id_BT[:, 1:]]
    special_V = events.table.vocabulary.special_V
    cut_BT[:, :-1] |= hands_over_V[id_BT[:, :-1]] & ~special_V[id_BT[:, 1:]]
    return cut_BT.to(responses.mask_BT.device)


_MARKS: weakref.WeakKeyDictionary[PreTrainedTokenizerBase, tuple[torch.Tensor, torch.Tensor]] = (
    weakref.WeakKeyDictionary()
)


def _marks(tokenizer: PreTrainedTokenizerBase) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which ids open a turn and which hand over to the next one, built once per tokenizer."""
    if tokenizer not in _MARKS:
        vocabulary = tokenizer.get_vocab()
        # one more row for ids past the vocabulary, as in sspo/segmentation/vocabulary.py
        opens_V, hands_over_V = torch.zeros(2, max(vocabulary.values()) + 2, dtype=torch.bool)
        for mark_V, names in ((opens_V, OPENERS), (hands_over_V, HANDOVERS)):
            mark_V[[vocabulary[name] for name in names if name in vocabulary]] = True
        _MARKS[tokenizer] = opens_V, hands_over_V
    return _MARKS[tokenizer]


@functools.lru_cache(maxsize=8)
def _role_line(roles: tuple[str, ...]) -> Automaton:
    """Build the automaton that walks from a line break over blanks, a role and a colon; asterisks may surround the role."""
    automaton = Automaton(backward=False)
    automaton.on(["line"], " \t*", "line")
    for role in roles:
        state = "line"
        for end in range(1, len(role) + 1):
            automaton.on([state], [role[end - 1]], f"role {role[:end]}")
            state = f"role {role[:end]}"
        automaton.on([state, f"after {role}"], [":", "："], "accepted")
        automaton.on([state, f"after {role}"], " \t*", f"after {role}")
    return automaton
