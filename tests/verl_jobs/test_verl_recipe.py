"""Our configuration as words of verl's command line, as Hydra reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from sspo.compose.fast import quick_compose
from sspo.integrations.verl.parent.recipe import Place, Start, quoted, recipe

WORDS = (
    "trainer.backend=verl",
    "rollout=vllm",
    "trainer.rollouts=6",
    "trainer.minibatch=32",
    "trainer.lr=1e-5",
)
CPU = Place(device="cpu", precision="float32")


def words_of(*words: str, place: Place = CPU, start: Start | None = None) -> list[str]:
    return recipe(quick_compose([*WORDS, *words]), Path("/runs/verl"), 20, place, start or Start())


def read(words: list[str]) -> dict:
    parsed = OverridesParser.create().parse_overrides(words)
    return {one.key_or_group: one.value() for one in parsed}


def test_sizes_are_verls_count_of_ours():
    found = read(words_of("evaluation.max_tokens=160", "trainer.checkpoint_every=0", "evaluation.every=0"))
    # the job deals the rows of each optimizer step itself
    assert found["actor_rollout_ref.actor.ppo_mini_batch_size"] == found["data.train_batch_size"] == 16
    assert found["data.max_response_length"] == 160
    assert found["actor_rollout_ref.rollout.max_model_len"] == 180
    assert found["actor_rollout_ref.actor.optim.lr"] == 1e-5
    assert found["trainer.save_freq"] == found["trainer.total_training_steps"] == 6
    assert found["trainer.test_freq"] > 6
    assert found["actor_rollout_ref.actor.use_kl_loss"] is False
    assert (
        read(words_of("trainer.micro_batch_tokens=64"))["actor_rollout_ref.actor.ppo_max_token_len_per_gpu"]
        == 132
    )


def test_a_penalty_makes_verl_evaluate_its_reference_and_weigh_it_with_nothing():
    found = read(words_of("objective.kl.coef=0.1"))
    assert found["actor_rollout_ref.actor.use_kl_loss"] is True
    assert found["actor_rollout_ref.actor.kl_loss_coef"] == 0


def test_a_device_decides_on_precision_attention_and_sleep():
    cuda = read(words_of(place=Place(device="cuda", precision="bfloat16", flash=True)))
    cpu = read(words_of())
    mixed, attention = (
        "actor_rollout_ref.actor.fsdp_config.mixed_precision",
        "actor_rollout_ref.model.override_config.attn_implementation",
    )
    assert (cuda[mixed]["param_dtype"], cpu[mixed]["param_dtype"]) == ("bf16", "fp32")
    assert (cuda[attention], cpu[attention]) == ("flash_attention_2", "sdpa")
    remove = "actor_rollout_ref.model.use_remove_padding"
    assert (cuda[remove], cpu[remove]) == (True, False)
    assert read(words_of(place=Place(device="cuda", precision="bfloat16")))[attention] == "sdpa"
    assert (
        cuda["actor_rollout_ref.rollout.free_cache_engine"],
        cpu["actor_rollout_ref.rollout.free_cache_engine"],
    ) == (True, False)


def test_the_users_own_words_come_last_and_no_key_is_added_twice():
    own = [
        "+actor_rollout_ref.rollout.enable_sleep_mode=True",
        "actor_rollout_ref.rollout.tensor_model_parallel_size=2",
    ]
    words = words_of(f"trainer.verl=[{','.join(map(repr, own))}]")
    assert words[-2:] == own
    assert len({word.split("=")[0] for word in words}) == len(words)
    assert words == words_of(f"trainer.verl=[{','.join(map(repr, own))}]")


@pytest.mark.parametrize("text", ["/a b/c=d,e", "it's", "back\\slash\\'s", "{x}:[y]", "#~%é"])
def test_hydra_reads_a_path_as_it_was_written(text):
    assert read([f"key={quoted(text)}"]) == {"key": text}


def test_a_start_that_only_scores_says_so():
    found = read(words_of(start=Start(only_score=True)))
    assert (found["trainer.val_only"], found["trainer.val_before_train"]) == (True, True)
    assert found["trainer.v1.sspo.final"] is True
    assert read(words_of(start=Start(evaluate=False)))["trainer.val_before_train"] is False
