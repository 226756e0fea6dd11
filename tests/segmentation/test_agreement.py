"""The fast path against the slow reference on text: on real solutions, and on text made to be as hard as possible."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.config import SegmentationConfig
from sspo.segmentation import segment
from tests.segmentation.reference import MARKS, cut_tokens
from tests.segmentation.vocabularies import MADE, real_solutions, single_bytes, small_bpe

PROTECTIONS = ("protect_numbers", "protect_abbreviations", "protect_latex", "protect_code")
HARD = (
    *("$", "$$", "\\", "\\(", "\\)", "\\[", "\\]", "{", "}", "`", "```", "(", ")", "[", "]"),
    *(",", ".", "?", ":", "\n", "\n\n", " ", "\t", "\r", '"', "'", "*", "，", "。", "”", "»", "é", "𝟓"),
    *("5", "31", "a", "x ", "e.g", "Fig", "i.e.", "U.S.", " and", "iv", "Jan"),
    *(
        "**",
        "* ",
        "# ",
        "- ",
        "~~~",
        "````",
        "\n1.",
        "\n\n",
        "\n```\n",
        "\n~~~~\n",
        "．",
        "：",
        "、",
        "…",
        "।",
        "؟",
        "３",
        "一",
        "算",
    ),
)


def differences(texts, config, tokenizer):
    """(text, tokens cut by the fast path alone, tokens cut by the reference alone) of every text that differs."""
    rows = [cut_tokens(text, config, tokenizer) for text in texts]
    lengths = torch.tensor([len(ids) for ids, _ in rows])
    width = int(lengths.max())
    ids_BT = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows], dtype=torch.long)
    mask_BT = torch.arange(width) < lengths[:, None]
    found_BT = segment(ids_BT.view(len(rows), width), mask_BT, config, tokenizer)
    ends_BT = torch.zeros_like(mask_BT)
    ends_BT[:, :-1] = (found_BT[:, 1:] != found_BT[:, :-1]) & mask_BT[:, 1:]
    for text, (ids, wanted), ends_T in zip(texts, rows, ends_BT, strict=True):
        fast, slow = set(ends_T.nonzero().flatten().tolist()), wanted - {len(ids) - 1}
        if fast != slow:
            yield text, sorted(fast - slow), sorted(slow - fast)


@pytest.mark.parametrize("name", MADE)
def test_every_cut_of_real_solutions_is_where_the_reference_has_it(name):
    assert_equal_on_solutions(MADE[name](), 60)


def assert_equal_on_solutions(tokenizer, count):
    """Every cut of so many real solutions."""
    texts = real_solutions(count)
    assert len(texts) >= count
    for rule in MARKS:
        assert list(differences(texts, SegmentationConfig(rule=rule), tokenizer)) == []
    bare = SegmentationConfig(**dict.fromkeys(PROTECTIONS, False))
    assert list(differences(texts, bare, tokenizer)) == []


@given(
    texts=st.lists(st.lists(st.sampled_from(HARD), max_size=40).map("".join), min_size=1, max_size=4),
    rule=st.sampled_from(tuple(MARKS)),
    protected=st.tuples(*[st.booleans()] * len(PROTECTIONS)),
)
@settings(max_examples=60, deadline=None)
def test_every_cut_of_hard_text_is_where_the_reference_has_it(texts, rule, protected):
    config = SegmentationConfig(rule=rule, **dict(zip(PROTECTIONS, protected, strict=True)))
    for tokenizer in (single_bytes(), small_bpe()):
        assert list(differences(texts, config, tokenizer)) == []


@pytest.mark.parametrize("name", MADE)
def test_every_cut_of_much_hard_text(name):
    assert_equal_on_hard_text(MADE[name](), 100)


def assert_equal_on_hard_text(tokenizer, count):
    """Every cut of so many texts of pieces that are hard to cut."""
    generator = torch.Generator().manual_seed(5)
    texts = [
        "".join(HARD[i] for i in torch.randint(len(HARD), (40,), generator=generator)) for _ in range(count)
    ]
    for rule, latex in product(MARKS, (True, False)):
        config = SegmentationConfig(rule=rule, protect_latex=latex)
        assert list(differences(texts, config, tokenizer)) == []
