"""Where responses are cut: by hand on the embedded tokenizer, and laws over generated token streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast

from sspo.base.tokenizer import build_tokenizer
from sspo.config import RULES, SegmentationConfig
from sspo.segmentation import segment
from sspo.segmentation.delimiters import CLAUSE_MARKS
from sspo.segmentation.vocabulary import build_table, pieces_are_glued
from sspo.tasks.chain import VOCABULARY

TOKENIZER = build_tokenizer(VOCABULARY)
ANSWER = "so 4 * 2 is 8 , try 8 - 5 , 3 . answer 3 . <eos>"


def cut(text, rule, **options):
    """The text with a bar wherever a segment ends."""
    ids = torch.tensor([TOKENIZER.encode(text)])
    mask = torch.ones_like(ids, dtype=torch.bool)
    options.setdefault("seed", 0)
    seed = options.pop("seed")
    found = segment(ids, mask, SegmentationConfig(rule=rule, **options), TOKENIZER, seed=seed)[0].tolist()
    words = text.split()
    bars = [" |" if i + 1 < len(found) and found[i + 1] != found[i] else "" for i in range(len(found))]
    return " ".join(word + bar for word, bar in zip(words, bars, strict=True))


@pytest.mark.parametrize(
    ("rule", "options", "wanted"),
    [
        ("subsentence", {}, "so 4 * 2 is 8 , | try 8 - 5 , | 3 . | answer 3 . <eos>"),
        ("sentence", {}, "so 4 * 2 is 8 , try 8 - 5 , 3 . | answer 3 . <eos>"),
        ("response", {}, ANSWER),
        ("token", {}, " | ".join(ANSWER.split())),
        ("fixed", {"fixed_tokens": 8}, "so 4 * 2 is 8 , try | 8 - 5 , 3 . answer 3 | . <eos>"),
        ("subsentence", {"min_tokens": 3}, "so 4 * 2 is 8 , | try 8 - 5 , | 3 . answer 3 . <eos>"),
        ("subsentence", {"min_tokens": 99}, ANSWER),
    ],
)
def test_cuts_are_where_a_reader_expects_them(rule, options, wanted):
    assert cut(ANSWER, rule, **options) == wanted


def test_a_comma_between_digit_words_is_no_number_for_a_word_level_tokenizer():
    assert cut("8 , 3 .", "subsentence", protect_numbers=True) == "8 , | 3 ."


class Pieces:
    """A byte-level-like vocabulary whose pieces touch: enough of a tokenizer to build tables from."""

    all_special_ids = (0,)

    def __init__(self, *pieces):
        self.pieces = ("<eos>", *pieces)

    def __len__(self):
        return len(self.pieces)

    def encode(self, text, add_special_tokens=False):
        return [self.pieces.index(character) for character in text]

    def decode(self, ids, **_):
        return "".join(self.pieces[i] for i in ids)

    def batch_decode(self, rows, **_):
        return [self.decode(row) for row in rows]


def test_numbers_are_protected_where_pieces_touch():
    tokenizer = Pieces("5", ",", ".", " x", "),", "3.14", ".\n\n", "，")
    table = build_table(tokenizer, CLAUSE_MARKS)
    held = table.holds_mark_V.tolist()[:-1]  # the last row is for ids that the tokenizer does not have
    marks = {piece for piece, holds in zip(tokenizer.pieces, held, strict=True) if holds}
    assert marks == {",", ".", "),", ".\n\n", "，"}
    ids = torch.tensor([[1, 3, 1, 2, 4, 5, 1, 3, 0]])  # 5 . 5 , x ), 5 . <eos>
    mask = torch.ones_like(ids, dtype=torch.bool)
    config = SegmentationConfig(rule="subsentence")
    # 5.5 stays whole; the last period has no digit after it but the end of the sequence: no cut before <eos>
    assert segment(ids, mask, config, tokenizer)[0].tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    unprotected = SegmentationConfig(rule="subsentence", protect_numbers=False)
    assert segment(ids, mask, unprotected, tokenizer)[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3]


def test_a_tokenizer_with_a_leading_space_mark_still_writes_numbers_in_one_piece():
    words = {"▁5": 0, ",": 1, "5": 2, "▁": 3, "<unk>": 4}
    backend = Tokenizer(Unigram([(word, -1.0) for word in words], unk_id=4))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    assert pieces_are_glued(PreTrainedTokenizerFast(tokenizer_object=backend))
    assert not pieces_are_glued(TOKENIZER)


STREAMS = st.lists(
    st.lists(st.integers(3, len(TOKENIZER) - 1), min_size=0, max_size=30), min_size=1, max_size=4
)


def padded(rows):
    width = max(1, max(len(row) for row in rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[True] * len(row) + [False] * (width - len(row)) for row in rows])
    return ids, mask


@given(rows=STREAMS, rule=st.sampled_from(RULES), min_tokens=st.integers(1, 4))
@settings(max_examples=120, deadline=None)
def test_ids_cover_exactly_the_mask_contiguously_from_zero(rows, rule, min_tokens):
    ids, mask = padded(rows)
    found = segment(ids, mask, SegmentationConfig(rule=rule, min_tokens=min_tokens), TOKENIZER, seed=3)
    assert bool((found[~mask] == -1).all())
    for row, length in zip(found.tolist(), mask.sum(1).tolist(), strict=True):
        steps = [b - a for a, b in pairwise(row[:length])]
        assert set(steps) <= {0, 1}
        assert row[:1] == [0] or length == 0
        if min_tokens > 1 and rule != "random":
            assert all(row[:length].count(s) >= min_tokens for s in range(max(row, default=0)))


@given(rows=STREAMS, seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_random_keeps_the_exact_multiset_of_lengths_and_depends_on_seed_and_tokens_alone(rows, seed):
    ids, mask = padded(rows)
    named = segment(ids, mask, SegmentationConfig(rule="subsentence"), TOKENIZER)
    config = SegmentationConfig(rule="random", random_like="subsentence")
    shuffled = segment(ids, mask, config, TOKENIZER, seed=seed)
    for a, b in zip(named.tolist(), shuffled.tolist(), strict=True):
        assert sorted(a.count(i) for i in set(a)) == sorted(b.count(i) for i in set(b))
    alone = segment(ids[-1:], mask[-1:], config, TOKENIZER, seed=seed)
    assert torch.equal(alone, shuffled[-1:])


def test_random_without_a_seed_fails_loudly():
    ids, mask = padded([[5, 6]])
    with pytest.raises(ValueError, match="needs a seed"):
        segment(ids, mask, SegmentationConfig(rule="random"), TOKENIZER)
