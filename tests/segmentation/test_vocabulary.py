"""What is read from vocabularies is what their tokenizers decode: added tokens, gaps in the ids, and what cannot be read."""

from __future__ import annotations

import json

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from transformers import PreTrainedTokenizerFast

from sspo.config import SegmentationConfig
from sspo.errors import UserError
from sspo.models.policy import load_tokenizer
from sspo.segmentation import check_readable, segment
from sspo.segmentation.vocabulary import read_pieces
from tests.segmentation.vocabularies import MADE, single_bytes, wrapped


def ends(text, tokenizer, rule="sentence"):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    ids_BT = torch.tensor([ids])
    found = segment(ids_BT, torch.ones_like(ids_BT).bool(), SegmentationConfig(rule=rule), tokenizer)[
        0
    ].tolist()
    return [
        tokenizer.decode([i for i, of in zip(ids, found, strict=True) if of == s])
        for s in range(found[-1] + 1)
    ]


def spaces_are_added():
    """Gemma's way: a space is written `▁`, and runs of spaces are added tokens."""
    words = ["<unk>", "<eos>", "\n", "▁", *map(chr, range(33, 127))]
    backend = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, [], unk_token=words[0]))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=words[1], unk_token=words[0])
    tokenizer.add_tokens([AddedToken("▁▁", normalized=False, special=False)])
    return tokenizer


def bytes_are_added():
    """Byte-level decoders read added tokens in their alphabet, too: `é` is a byte, `é b` is itself."""
    backend = Tokenizer.from_str(single_bytes().backend_tokenizer.to_str())
    tokenizer = wrapped(backend)
    tokenizer.add_tokens(["Ġso", "é b", "。", " \n"])
    return tokenizer


@pytest.mark.parametrize("make", [spaces_are_added, bytes_are_added, *MADE.values()])
def test_pieces_join_to_the_text(make):
    assert_pieces_join(make())


def assert_pieces_join(tokenizer):
    """What is read from the last 300 ids and from added tokens is what they decode to."""
    pieces = read_pieces(tokenizer)
    added = [i for i in tokenizer.added_tokens_decoder if i not in tokenizer.all_special_ids]
    for i in [*range(max(0, len(pieces) - 300), len(pieces)), *added]:
        whole = "\ufffd" not in pieces[i].decode(errors="replace")
        if whole and i not in tokenizer.all_special_ids:
            assert pieces[i].decode() == tokenizer.decode([i], clean_up_tokenization_spaces=False)
    check_readable(SegmentationConfig(), tokenizer)


def test_spaces_in_an_added_token_are_spaces():
    assert ends("So x is 3.  \nThen y is 4.", spaces_are_added()) == ["So x is 3.  \n", "Then y is 4."]
    assert ends("a  \n  \nb", spaces_are_added(), "step") == ["a  \n  \n", "b"]


def test_a_gap_in_the_ids_loses_no_cut():
    state = json.loads(single_bytes().backend_tokenizer.to_str())
    state["model"]["vocab"]["."] = 1000
    tokenizer = wrapped(Tokenizer.from_str(json.dumps(state)))
    assert ends("We add. Then stop. Yes.", tokenizer) == ["We add.", " Then stop.", " Yes."]
    assert read_pieces(tokenizer)[1000] == b"."
    assert read_pieces(tokenizer)[500] == b""


def test_a_vocabulary_that_cannot_be_read_is_refused_where_a_rule_reads_text():
    backend = Tokenizer.from_str(single_bytes().backend_tokenizer.to_str())
    backend.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Replace("a", "bb")])
    tokenizer = wrapped(backend)
    with pytest.raises(
        UserError, match=r"\(token \d+ is read as 'a' and decoded as 'bb'\), so rules that read text"
    ):
        check_readable(SegmentationConfig(), tokenizer)
    with pytest.raises(UserError, match="do not join to the text"):
        ends("a. b", tokenizer)
    check_readable(SegmentationConfig(rule="token"), tokenizer)
    check_readable(SegmentationConfig(rule="fixed"), tokenizer)
    with pytest.raises(UserError, match="do not join"):
        check_readable(SegmentationConfig(rule="random"), tokenizer)  # of subsentences


def test_embedded_tokenizers_are_read():
    for name in ("embedded", "embedded_paragraphs"):
        check_readable(SegmentationConfig(), load_tokenizer(name))
