"""What each token adds to a text: nothing is lost between tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sspo.models.policy import load_tokenizer
from sspo.segmentation.token_text import token_texts
from tests.segmentation.vocabularies import EOS, single_bytes, small_bpe


@given(st.text(max_size=40))
def test_texts_join_to_the_response_whatever_the_tokens_split(text):
    for tokenizer in (single_bytes(), small_bpe()):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        texts = token_texts(ids, tokenizer)
        assert len(texts) == len(ids)
        assert "".join(texts) == text


def test_a_character_stands_at_the_token_that_completes_it_and_special_tokens_have_names():
    tokenizer = single_bytes()
    ids = tokenizer("é", add_special_tokens=False)["input_ids"]
    assert token_texts([*ids, tokenizer.eos_token_id], tokenizer) == ["", "é", EOS]
    assert token_texts([ids[0], tokenizer.eos_token_id], tokenizer) == ["", "\ufffd" + EOS]
    assert token_texts([ids[0]], tokenizer) == ["\ufffd"]


def test_words_of_a_word_level_vocabulary_are_spaced():
    tokenizer = load_tokenizer("embedded")
    ids = tokenizer("5 + 3 ,", add_special_tokens=False)["input_ids"]
    assert token_texts(ids, tokenizer) == [" 5", " +", " 3", " ,"]
