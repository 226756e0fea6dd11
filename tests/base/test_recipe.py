"""The committed base is what its recipe makes."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file

from sspo.base.recipe import RECIPE, WEIGHTS
from sspo.base.teach import FIRST_LOSSES, build_model, confusions, teach, teaching_batch
from sspo.base.tokenizer import build_tokenizer
from sspo.tasks import chain

RECORD = json.loads((WEIGHTS / "recipe.json").read_text())


def test_the_recorded_recipe_and_hash_are_those_of_the_code():
    assert RECORD["recipe"] == asdict(RECIPE)
    assert RECORD["hash"] == RECIPE.hash()


def test_the_recipes_first_batches_reproduce_their_recorded_losses():
    torch.set_num_threads(1)
    tokenizer = build_tokenizer(chain.VOCABULARY)
    losses = teach(RECIPE, tokenizer, build_model(RECIPE, tokenizer))
    # float32 sums in another order on another machine or thread count: 1e-4 nats
    assert [next(losses) for _ in range(FIRST_LOSSES)] == pytest.approx(RECORD["first_losses"], abs=1e-4)


def test_the_committed_weights_continue_at_the_recorded_final_loss():
    tokenizer = build_tokenizer(chain.VOCABULARY)
    model = build_model(RECIPE, tokenizer)
    model.load_state_dict(load_file(WEIGHTS / "model.safetensors"), strict=False)
    ids, labels = teaching_batch(RECIPE, tokenizer, confusions(RECIPE), RECIPE.iterations)
    with torch.no_grad():
        logits = model(input_ids=ids).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100
        )
    assert float(loss) == pytest.approx(RECORD["final_loss"], abs=0.02)  # another batch of 80


def test_the_base_is_small_and_its_vocabulary_is_the_tokenizers():
    weights = load_file(WEIGHTS / "model.safetensors")
    parameters = sum(tensor.numel() for tensor in weights.values())
    assert 200_000 < parameters < 400_000
    assert weights["model.embed_tokens.weight"].shape[0] == len(build_tokenizer(chain.VOCABULARY))
