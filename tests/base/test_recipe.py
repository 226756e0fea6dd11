"""The committed bases are what their recipes make."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import load_file

from sspo.base.recipe import RECIPES, weights_folder
from sspo.base.teach import FIRST_LOSSES, build_model, confusions, teach, teaching_batch, tokenizer_of
from sspo.config import EMBEDDED, EMBEDDED_BASES

each_base = pytest.mark.parametrize("base", EMBEDDED_BASES)


def record(base):
    return json.loads((weights_folder(base) / "recipe.json").read_text())


def weights(base):
    return load_file(weights_folder(base) / "model.safetensors")


@each_base
def test_the_recorded_recipe_and_hash_are_those_of_the_code(base):
    assert record(base)["recipe"] == asdict(RECIPES[base])
    assert record(base)["hash"] == RECIPES[base].hash()


def test_bases_have_names_of_their_own_and_the_first_keeps_its():
    assert RECIPES.keys() == set(EMBEDDED_BASES)
    assert len({recipe.hash() for recipe in RECIPES.values()}) == len(RECIPES)
    assert RECIPES["embedded"].hash() == "97552fff4491"  # what every run of the committed clip_ablation names


@pytest.mark.parametrize(
    ("base", "count"),
    [
        (EMBEDDED, 2),
        *(pytest.param(base, FIRST_LOSSES, marks=pytest.mark.acceptance) for base in EMBEDDED_BASES),
    ],
)
def test_the_recipes_first_batches_reproduce_their_recorded_losses(base, count):
    torch.set_num_threads(1)
    recipe, tokenizer = RECIPES[base], tokenizer_of(RECIPES[base])
    losses = teach(recipe, tokenizer, build_model(recipe, tokenizer))
    # float32 sums in another order on another machine or thread count: 1e-4 nats
    found = [next(losses) for _ in range(count)]
    assert found == pytest.approx(record(base)["first_losses"][:count], abs=1e-4)


@each_base
def test_the_committed_weights_continue_at_the_recorded_final_loss(base):
    recipe, tokenizer = RECIPES[base], tokenizer_of(RECIPES[base])
    model = build_model(recipe, tokenizer)
    model.load_state_dict(weights(base), strict=False)
    ids, labels = teaching_batch(recipe, tokenizer, confusions(recipe), recipe.iterations)
    with torch.no_grad():
        logits = model(input_ids=ids).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100
        )
    assert float(loss) == pytest.approx(record(base)["final_loss"], abs=0.02)  # another batch of 80


@each_base
def test_a_base_is_small_and_its_vocabulary_is_the_tokenizers(base):
    parameters = sum(tensor.numel() for tensor in weights(base).values())
    assert 200_000 < parameters < 400_000
    assert weights(base)["model.embed_tokens.weight"].shape[0] == len(tokenizer_of(RECIPES[base]))
