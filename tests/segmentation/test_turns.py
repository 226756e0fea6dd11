"""Turns: tokens of chat formats that open one, and lines that begin with a role, against a regular expression."""

from __future__ import annotations

import re
from itertools import pairwise

import torch
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from sspo.config import SegmentationConfig
from sspo.segmentation import segment
from sspo.segmentation.rules.turn import HANDOVERS, OPENERS
from tests.laws import law
from tests.segmentation.reference import tokens_of
from tests.segmentation.vocabularies import single_bytes, small_bpe, wrapped

BAR = "¦"
CHATS = (
    "<|im_start|>system\nBe brief.<|im_end|>\n¦<|im_start|>user\nHi<|im_end|>\n¦<|im_start|>assistant\nHi.<|im_end|>",
    "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>¦<|start_header_id|>assistant<|end_header_id|>\n\nHi",
    "Hi.<end_of_turn>\n¦<start_of_turn>user\nSo?<end_of_turn>\n¦<start_of_turn>model\nYes<end_of_turn>",
    "<|system|>a¦<|user|>\nb¦<|assistant|>\nc¦<|observation|>d¦<|assistant|>e¦<|tool|>f",
    "<｜User｜>a¦<｜Assistant｜>b, c¦<｜User｜>d",
    "[INST] a [/INST]¦ b, c</s>¦[INST] d [/INST]",
    "<|start|>user<|message|>a<|end|>¦<|start|>assistant<|channel|>final<|message|>b<|return|>",
    "a\n¦User: <|im_end|>\n¦<|im_start|>b",
)
SPECIAL = sorted({*OPENERS, *HANDOVERS, *re.findall(r"<[^<>]+>", "".join(CHATS))})


def chatty(make, *, special):
    """A tokenizer with the marks of every format, as special tokens or as added ones that are text."""
    tokenizer = wrapped(Tokenizer.from_str(make().backend_tokenizer.to_str()))
    tokenizer.add_tokens([AddedToken(mark, special=special, normalized=False) for mark in SPECIAL], special)
    return tokenizer


def turns(text, tokenizer, **options):
    """The tokens after which a turn ends, and the places of all tokens in the text."""
    encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    ids_BT = torch.tensor([encoded["input_ids"]])
    config = SegmentationConfig(rule="turn", **options)
    found = segment(ids_BT, torch.ones_like(ids_BT).bool(), config, tokenizer)[0].tolist()
    return {i for i, (a, b) in enumerate(pairwise(found)) if a != b}, encoded["offset_mapping"]


def test_tokens_of_chat_formats_open_turns():
    for make in (single_bytes, small_bpe):
        for special in (True, False):
            tokenizer = chatty(make, special=special)
            for chat in CHATS:
                ends, offsets = turns(chat.replace(BAR, ""), tokenizer)
                bars = [match.start() for match in re.finditer(BAR, chat)]
                places = [bar - n - 1 for n, bar in enumerate(bars)]
                assert ends == tokens_of(places, offsets), chat


ROLES = ("User", "Use", "Tool 1", "助手")
PARTS = (
    "\n",
    "User",
    "Use",
    "Users",
    "Tool 1",
    "助手",
    ":",
    "：",
    " ",
    "\t",
    "*",
    "**",
    "a",
    ".\n",
    "<|user|>",
    ",",
)
LINE = re.compile(rf"\n(?=[ \t*]*(?:{'|'.join(ROLES)})[ \t*]*[:：])|(?=<\|user\|>)(?!^)")


@law(30, 600, parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=24))
def test_lines_that_begin_with_a_role_open_turns_whatever_the_tokens_split(parts):
    text = "".join(parts)
    for make in (single_bytes, small_bpe):
        tokenizer = TOKENIZERS.setdefault(make, chatty(make, special=True))
        ends, offsets = turns(text, tokenizer, roles=ROLES)
        places = [match.end() - 1 for match in LINE.finditer(text)]
        assert ends == tokens_of(places, offsets) - {len(offsets) - 1}, text


TOKENIZERS: dict = {}


def test_without_roles_only_tokens_open_turns():
    tokenizer = chatty(single_bytes, special=True)
    assert turns("a\nUser: b", tokenizer, roles=())[0] == set()
    assert turns("a\nUser: b", tokenizer)[0] == {1}
    assert turns("a\nb: c", tokenizer, roles=("b",))[0] == {1}
