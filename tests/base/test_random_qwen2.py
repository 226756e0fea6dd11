"""The random model that rehearses the paper's studies: small, with the real vocabulary, and right now and then."""

from __future__ import annotations

import re

import pytest
import torch

from sspo.base.qwen_vocabulary import END, TURN, TURN_ENDS, qwen_tokenizer
from sspo.base.random_qwen2 import VOCABULARY, build_model


@pytest.fixture(scope="module")
def tokenizer():
    return qwen_tokenizer()


def test_the_vocabulary_is_qwen_s_with_its_special_tokens_behind_it(tokenizer):
    assert len(tokenizer) == 151_646
    assert [tokenizer.convert_tokens_to_ids(name) for name in (END, TURN, TURN_ENDS)] == [
        151_643,
        151_644,
        151_645,
    ]
    ids = tokenizer.encode(
        f"{TURN}user\n12 + 3.5, 因此 \\frac{{1}}{{2}}{TURN_ENDS}", add_special_tokens=False
    )
    # each digit is a token of its own, and the marks are one token each
    assert ids[0] == 151_644
    assert ids[-1] == 151_645
    assert [tokenizer.decode([i]) for i in ids[3:6]] == ["1", "2", " +"]
    assert tokenizer.decode(ids[1:-1]) == "user\n12 + 3.5, 因此 \\frac{1}{2}"


@pytest.fixture(scope="module")
def model(tokenizer):
    return build_model(tokenizer).eval()


def test_the_model_is_small_the_same_every_time_and_leaves_the_caller_s_random_numbers(tokenizer, model):
    before = torch.random.get_rng_state()
    again = build_model(tokenizer)
    assert torch.equal(before, torch.random.get_rng_state())
    assert sum(weight.numel() for weight in model.parameters()) <= 2_000_000
    assert model.get_output_embeddings().weight.shape[0] == VOCABULARY
    assert all(
        torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True)
    )


def test_most_of_its_answers_end_with_a_digit_in_a_box(tokenizer, model):
    ids = tokenizer(f"{TURN}assistant\n", return_tensors="pt", add_special_tokens=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        rows = model.generate(**ids, do_sample=True, max_new_tokens=24, num_return_sequences=8)
    texts = [tokenizer.decode(row[ids["input_ids"].shape[1] :]) for row in rows]
    boxed = [text for text in texts if re.search(r"\\boxed\{\d\}\.*<\|endoftext\|>", text)]
    assert len(boxed) >= 4, texts  # a random head boxes none
