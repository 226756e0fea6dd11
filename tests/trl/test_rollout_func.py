"""Rollouts by a function of the user's, which reports the sampler's own log-probabilities: TRL's interface for any engine."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
import torch

from sspo.errors import UserError
from tests.trl.observed import TEMPERATURE, TOKENS, differences, passed, train
from tests.trl.test_equal_losses import SAMPLER, close


def sampled(prompts, trainer, noise: Callable[[int, int], torch.Tensor]):
    """Sample from the model, and report its log-probabilities plus the noise of (row, number of tokens)."""
    tokenizer, model = trainer.processing_class, trainer.model
    given = tokenizer(prompts, return_tensors="pt", padding=True, padding_side="left")
    prompt_BL, mask_BL = given["input_ids"], given["attention_mask"]
    with torch.no_grad():
        whole_BL = model.generate(
            input_ids=prompt_BL,
            attention_mask=mask_BL,
            max_new_tokens=TOKENS,
            do_sample=True,
            temperature=TEMPERATURE,
            pad_token_id=tokenizer.pad_token_id,
        )
        response_BT = whole_BL[:, prompt_BL.shape[1] :]
        ended_BT = response_BT == tokenizer.eos_token_id
        mask_BT = ended_BT.cumsum(1) - ended_BT.int() == 0
        rows = {"prompt_BL": prompt_BL, "prompt_mask_BL": mask_BL, "response_BT": response_BT}
        logp_BT, _ = passed(model, rows | {"mask_BT": mask_BT})
    kept = [x_T[mask_T] for x_T, mask_T in zip(logp_BT, mask_BT, strict=True)]
    return {
        "prompt_ids": [x[m.bool()].tolist() for x, m in zip(prompt_BL, mask_BL, strict=True)],
        "completion_ids": [x[m].tolist() for x, m in zip(response_BT, mask_BT, strict=True)],
        "logprobs": [(x + noise(row, len(x))).tolist() for row, x in enumerate(kept)],
    }


def _drawn(row: int, tokens: int) -> torch.Tensor:
    return torch.randn(tokens, generator=torch.Generator().manual_seed(row)) * 0.3


@pytest.mark.parametrize("objective", [*SAMPLER, "sspo,objective.tis_cap=1.2", "grpo,objective.mis_cap=1.05"])
def test_objectives_that_need_the_sampler_take_its_steps(objective):
    name, *overrides = objective.split(",")
    trainer, steps = train(
        name, overrides=overrides, max_steps=2, num_iterations=1, rollout_func=lambda *a: sampled(*a, _drawn)
    )
    close(differences(trainer, steps, name, overrides))
    options = trainer.options.objective
    if options.tis_cap is not None:
        assert 0 < steps[0].logged["policy/tis_capped_frac"] < 1
    if options.mis_cap is not None:
        assert 0 < steps[0].logged["policy/mis_masked_frac"] < 1


def test_the_distance_to_the_sampler_is_logged_and_capped():
    # the sampler reports a quarter of a nat less than the trainer: d = 0.25 at every token
    _, steps = train(
        "grpo",
        overrides=["objective.tis_cap=1.2"],
        rollout_func=lambda *a: sampled(*a, lambda _, tokens: torch.full((tokens,), -0.25)),
    )
    first, last = steps[0].logged, steps[-1].logged
    assert first["policy/tis_weight_mean"] == pytest.approx(1.2), "exp(0.25) = 1.284, capped"
    assert first["policy/tis_capped_frac"] == 1
    assert last["rollout/mismatch_mean"] == pytest.approx(0.25, abs=1e-5)
    assert last["rollout/mismatch_max"] == pytest.approx(0.25, abs=1e-5)
    assert last["rollout/mismatch_frac"] == 1
    assert last["rollout/mismatch_kl"] == pytest.approx(math.exp(0.25) - 1 - 0.25, abs=1e-5)


def test_it_is_logged_without_a_cap_too_and_does_not_enter_the_loss():
    trainer, steps = train("sspo", max_steps=4, rollout_func=lambda *a: sampled(*a, _drawn))
    assert steps[-1].logged["rollout/mismatch_mean"] > 0.1
    close(differences(trainer, steps, "sspo"))


REFUSED = {
    "rollout_func returned logprobs=None": lambda _: {"logprobs": None},
    "rollout_func returned env_mask": lambda output: {
        "env_mask": [[1] * len(ids) for ids in output["completion_ids"]]
    },
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_a_rollout_lacks_is_refused_in_one_sentence(said):
    def function(*a):
        output = sampled(*a, _drawn)
        return output | REFUSED[said](output)

    with pytest.raises(UserError, match=re.escape(said)) as refused:
        train("grpo", overrides=["objective.tis_cap=2"], rollout_func=function)
    assert "\n" not in str(refused.value)


def test_without_such_a_function_or_vllm_there_is_nothing_to_cap():
    with pytest.raises(UserError, match=r"objective\.tis_cap .* set use_vllm=True, pass a rollout_func"):
        train("grpo", overrides=["objective.tis_cap=2"])
