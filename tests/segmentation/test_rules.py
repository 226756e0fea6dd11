"""Where responses are cut: by hand on the embedded tokenizer, and laws over generated token streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast

from sspo.base.tokenizer import build_tokenizer
from sspo.config import RULES, SegmentationConfig
from sspo.config.plugins.table import check, identity_of
from sspo.errors import UserError
from sspo.segmentation import GROUPS, segment
from sspo.segmentation.cuts import merge_short, split_long
from sspo.segmentation.delimiter_table import CLAUSE_MARKS, mark_table
from sspo.segmentation.vocabulary import pieces_are_glued, read_pieces
from sspo.tasks.chain import CLAUSES, VOCABULARY
from tests.laws import law

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

    def get_vocab(self):
        return {piece: i for i, piece in enumerate(self.pieces)}

    def encode(self, text, add_special_tokens=False):
        return [self.pieces.index(character) for character in text]

    def decode(self, ids, **_):
        return "".join(self.pieces[i] for i in ids)

    def batch_decode(self, rows, **_):
        return [self.decode(row) for row in rows]


def test_numbers_are_protected_where_pieces_touch():
    tokenizer = Pieces("5", ",", ".", " x", "),", "3.14", ".\n\n", "，")
    table = mark_table(tokenizer, CLAUSE_MARKS, spans=False)
    held = table.holds_V.tolist()[:-1]  # the last row is for ids that the tokenizer does not have
    marks = {piece for piece, holds in zip(tokenizer.pieces, held, strict=True) if holds}
    assert marks == {",", ".", "),", "3.14", ".\n\n", "，"}
    ids = torch.tensor([[1, 3, 1, 2, 4, 5, 6, 3, 0]])  # 5 . 5 , x ), 3.14 . <eos>
    mask = torch.ones_like(ids, dtype=torch.bool)
    config = SegmentationConfig(rule="subsentence")
    # 5.5 stays whole; the last period has no digit after it but the end of the sequence: no cut before <eos>
    assert segment(ids, mask, config, tokenizer)[0].tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 2]
    unprotected = SegmentationConfig(rule="subsentence", protect_numbers=False)
    assert segment(ids, mask, unprotected, tokenizer)[0].tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 4]


def test_a_tokenizer_with_a_leading_space_mark_still_writes_numbers_in_one_piece():
    words = {"▁5": 0, ",": 1, "5": 2, "▁": 3, "<unk>": 4, "<0xE2>": 5}
    backend = Tokenizer(Unigram([(word, -1.0) for word in words], unk_id=4))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert pieces_are_glued(tokenizer)
    assert read_pieces(tokenizer) == [b" 5", b",", b"5", b" ", b"<unk>", b"\xe2"]
    assert not pieces_are_glued(TOKENIZER)
    assert read_pieces(TOKENIZER)[-1] == b" answer"


def test_the_embedded_task_is_cut_as_before_protections_came():
    """Every `,`, `.` and `?` ends a segment, save right before a special token: on answers and on word salad."""
    generator = torch.Generator().manual_seed(1)
    salad = torch.randint(2, len(TOKENIZER), (400, 60), generator=generator).tolist()
    gold = [
        TOKENIZER.encode(
            " ".join(CLAUSES[i % 4].format(a=i % 10, op="*", b=j % 10, c=j % 7) for i in range(j))
        )
        for j in range(1, 9)
    ]
    ids, mask = padded([*salad, *[[*row, TOKENIZER.eos_token_id] for row in gold]])
    for rule, ends in (("subsentence", ",.?"), ("sentence", ".?")):
        marks = torch.tensor([TOKENIZER.convert_tokens_to_ids(mark) for mark in ends])
        special_next = torch.zeros_like(mask)
        special_next[:, :-1] = torch.isin(ids[:, 1:], torch.tensor(TOKENIZER.all_special_ids))
        cuts = torch.isin(ids, marks) & ~special_next & mask
        wanted = torch.where(mask, cuts.long().cumsum(1) - cuts.long(), -1)
        assert torch.equal(segment(ids, mask, SegmentationConfig(rule=rule), TOKENIZER), wanted)


STREAMS = st.lists(
    st.lists(st.integers(3, len(TOKENIZER) - 1), min_size=0, max_size=30), min_size=1, max_size=4
)


def padded(rows):
    width = max(1, max(len(row) for row in rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    mask = torch.tensor([[True] * len(row) + [False] * (width - len(row)) for row in rows])
    return ids, mask


def rough_entropy(ids):
    """Some number a token."""
    return (ids * 7 % 11).float()


def lengths_of(found):
    """Segment lengths of every row."""
    return [[row.count(s) for s in range(max(row, default=-1) + 1)] for row in found.tolist()]


@law(
    40,
    300,
    rows=STREAMS,
    rule=st.sampled_from(RULES),
    min_tokens=st.integers(1, 4),
    spare=st.none() | st.integers(0, 5),
)
def test_ids_cover_exactly_the_mask_from_zero_without_gaps(rows, rule, min_tokens, spare):
    """Non-decreasing and within limits too, except for groups of tokens, which have no limits."""
    ids, mask = padded(rows)
    max_tokens = None if spare is None or rule in GROUPS else 2 * min_tokens - 1 + spare
    config = SegmentationConfig(rule=rule, min_tokens=min_tokens, max_tokens=max_tokens)
    found = segment(ids, mask, config, TOKENIZER, entropy_BT=rough_entropy(ids), seed=3)
    for lengths in lengths_of(found):
        assert max_tokens is None or max(lengths, default=0) <= max_tokens
    assert bool((found[~mask] == -1).all())
    for row, length in zip(found.tolist(), mask.sum(1).tolist(), strict=True):
        assert set(row[:length]) == set(range(max(row[:length], default=-1) + 1))
        if rule in GROUPS:
            continue
        steps = [b - a for a, b in pairwise(row[:length])]
        assert set(steps) <= {0, 1}
        assert row[:1] == [0] or length == 0
        if min_tokens > 1 and rule != "random":
            assert all(row[:length].count(s) >= min_tokens for s in range(max(row, default=0)))


@law(
    20,
    200,
    rows=STREAMS,
    rule=st.sampled_from(["subsentence", "token", "fixed"]),
    min_tokens=st.integers(1, 9),
)
def test_short_segments_are_merged_as_one_pass_from_the_left_would(rows, rule, min_tokens):
    ids, mask = padded(rows)
    bare = segment(ids, mask, SegmentationConfig(rule=rule, fixed_tokens=3), TOKENIZER)
    merged = segment(
        ids, mask, SegmentationConfig(rule=rule, fixed_tokens=3, min_tokens=min_tokens), TOKENIZER
    )
    for before, after in zip(lengths_of(bare), lengths_of(merged), strict=True):
        wanted, grown = [], 0
        for length in before:
            grown += length
            if grown >= min_tokens:
                wanted.append(grown)
                grown = 0
        assert after == wanted + [grown] * (grown > 0)


@law(15, 180, rows=STREAMS, rule=st.sampled_from([rule for rule in RULES if rule not in GROUPS]))
def test_limits_and_idempotence(rows, rule):
    ids, mask = padded(rows)

    def cut_by(**options):
        config = SegmentationConfig(**options)
        return segment(ids, mask, config, TOKENIZER, entropy_BT=rough_entropy(ids), seed=3)

    assert torch.equal(cut_by(rule=rule, min_tokens=10**9), cut_by(rule="response"))
    assert torch.equal(cut_by(rule=rule, max_tokens=1), cut_by(rule="token"))
    if not (ids[mask] == TOKENIZER.unk_token_id).any():  # a special token is no text
        assert torch.equal(cut_by(rule="regex", pattern=r"\S"), cut_by(rule="token"))
    assert torch.equal(cut_by(rule=rule), cut_by(rule=rule))
    cut_BT = torch.zeros_like(mask)
    found = cut_by(rule=rule)
    cut_BT[:, :-1] = found[:, 1:] > found[:, :-1]
    # what is within limits is left as it is
    once = split_long(merge_short(cut_BT, 3), mask, 7)
    assert torch.equal(split_long(merge_short(once, 3), mask, 7) & mask, once)


@law(20, 300, rows=STREAMS, like=st.sampled_from([rule for rule in RULES if rule not in ("fixed", "random")]))
def test_matched_cuts_keep_the_count_and_are_equal_within_one(rows, like):
    ids, mask = padded(rows)
    entropy = rough_entropy(ids)
    named = segment(ids, mask, SegmentationConfig(rule=like), TOKENIZER, entropy_BT=entropy, seed=1)
    config = SegmentationConfig(rule="fixed", fixed_like=like)
    matched = segment(ids, mask, config, TOKENIZER, entropy_BT=entropy, seed=1)
    for a, b in zip(lengths_of(named), lengths_of(matched), strict=True):
        assert len(a) == len(b)
        assert sum(a) == sum(b)
        assert max(b, default=0) - min(b, default=0) <= 1


@law(15, 180, rows=STREAMS, seed=st.integers(0, 5))
def test_random_keeps_the_exact_multiset_of_lengths_and_depends_on_seed_and_tokens_alone(rows, seed):
    ids, mask = padded(rows)
    named = segment(ids, mask, SegmentationConfig(rule="subsentence"), TOKENIZER)
    config = SegmentationConfig(rule="random", random_like="subsentence")
    shuffled = segment(ids, mask, config, TOKENIZER, seed=seed)
    for a, b in zip(named.tolist(), shuffled.tolist(), strict=True):
        assert sorted(a.count(i) for i in set(a)) == sorted(b.count(i) for i in set(b))
    alone = segment(ids[-1:], mask[-1:], config, TOKENIZER, seed=seed)
    assert torch.equal(alone, shuffled[-1:])


def test_a_rule_of_ones_own_is_a_file_with_a_function(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "def every_other(responses, config):\n"
        "    cut_BT = responses.mask_BT.clone()\n"
        "    cut_BT[:, ::2] = False\n"
        "    return cut_BT\n\n"
        "def wrong(responses, config):\n"
        "    return responses.token_ids_BT\n"
    )
    ids, mask = padded([[5, 6, 7, 8, 9], [5, 6, 7]])
    config = SegmentationConfig(rule=f"{path}:every_other")
    assert segment(ids, mask, config, TOKENIZER).tolist() == [[0, 0, 1, 1, 2], [0, 0, 1, -1, -1]]
    shuffled = SegmentationConfig(rule="random", random_like=f"{path}:every_other")
    assert lengths_of(segment(ids, mask, shuffled, TOKENIZER, seed=1))[0].count(2) == 2
    with pytest.raises(
        UserError, match=r"must return cut_BT, a bool tensor of shape \(2, 5\), got torch.int64"
    ):
        segment(ids, mask, SegmentationConfig(rule=f"{path}:wrong"), TOKENIZER)
    with pytest.raises(UserError, match="did you mean 'every_other'"):
        segment(ids, mask, SegmentationConfig(rule=f"{path}:every_othr"), TOKENIZER)


def test_a_rule_that_imports_a_file_beside_it_is_refused(tmp_path, monkeypatch):
    """Its content is no part of the cell's name; of what is installed env.json keeps the versions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "rules").mkdir()
    path = tmp_path / "rules" / "mine.py"
    for line, wanted in (
        ("import helper", "imports 'helper', which is .*helper.py"),
        ("from . import other", "imports '.', which is .*rules"),
        ("def cut(responses, config):\n    from helper import x", "imports 'helper'"),
    ):
        path.write_text(f"{line}\n\ndef cut(responses, config):\n    return responses.mask_BT\n")
        with pytest.raises(
            UserError, match=f"{wanted}.*, and a cell is named by the content of mine.py alone"
        ):
            check("rule", f"{path}:cut", RULES)
    path.write_text(
        "import json, torch, sspo.config\n\ndef cut(responses, config):\n    return responses.mask_BT\n"
    )
    check("rule", f"{path}:cut", RULES)
    named = identity_of("rule", f"{path}:cut", RULES)
    path.write_text(path.read_text() + "# another")
    assert identity_of("rule", f"{path}:cut", RULES) != named


def test_ids_past_the_vocabulary_and_empty_batches_are_text_without_delimiters():
    ids = torch.tensor([[5, 10**6, 6]])
    config = SegmentationConfig(rule="subsentence")
    assert segment(ids, torch.ones_like(ids, dtype=torch.bool), config, TOKENIZER).tolist() == [[0, 0, 0]]
    for shape in ((0, 4), (2, 0)):
        nothing = torch.zeros(shape, dtype=torch.long)
        for rule in RULES:
            found = segment(
                nothing,
                nothing.bool(),
                SegmentationConfig(rule=rule, max_tokens=3, min_tokens=2),
                TOKENIZER,
                entropy_BT=nothing.float(),
                seed=1,
            )
            assert found.shape == shape


def test_entropy_peaks_without_entropy_fail_loudly():
    ids, mask = padded([[5, 6]])
    with pytest.raises(ValueError, match="needs entropy_BT"):
        segment(ids, mask, SegmentationConfig(rule="entropy_peak"), TOKENIZER)


def test_random_without_a_seed_fails_loudly():
    ids, mask = padded([[5, 6]])
    with pytest.raises(ValueError, match="needs a seed"):
        segment(ids, mask, SegmentationConfig(rule="random"), TOKENIZER)
