"""Models beside the usual one: each is served, and sampled from after a sync as the trainer has it."""

from __future__ import annotations

import pytest
import torch

from sspo.errors import UserError
from sspo.randomness import torch_stream
from tests import tiny_models as tiny
from tests.vllm import engines

pytest.importorskip("vllm", reason="no vllm here: `make test-vllm` runs this in an environment that has it")
PROMPTS = [[5, 9, 40], [7], [80, 3, 3, 61, 12]]
LORA = ("model.lora.rank=4", "model.lora.alpha=16")
CASES = {
    "llama with adapters": ("llama", {**engines.SIZES, "louder": 3.0}, LORA, 1e-4),
    "qwen2 in bfloat16": ("qwen2", {**engines.SIZES, "louder": 2.0}, ("model.precision=bfloat16",), 5e-2),
    "qwen2 in bfloat16 with adapters": ("qwen2", {**engines.SIZES, "louder": 2.0}, (*LORA, "model.precision=bfloat16"), 5e-2),
    "gemma2 with soft caps": ("gemma2", {**engines.SIZES, "louder": 2.0, "query_pre_attn_scalar": 32}, (), 1e-4),
    "gpt2": ("gpt2", {"n_embd": 64, "n_head": 2, "n_positions": 96, "louder": 2.0}, (), 1e-4),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_trainer_and_sampler_agree_before_and_after_an_update(tmp_path, case):
    kind, sizes, words, limit = CASES[case]
    policy, forward, sampler = engines.opened(tiny.save(tmp_path / "m", kind, **sizes), *words)
    for step in range(2):
        rollout = sampler.sample(
            PROMPTS, 6, max_tokens=16, temperature=1.0, draws=torch_stream(step, "x"), with_logp=True
        )
        assert engines.apart(forward, rollout).max() < limit
        engines.moved(policy.model, step)
        sampler.sync(policy.model)


def test_a_model_that_cannot_be_served_is_one_sentence(tmp_path):
    small = tiny.save(tmp_path / "small", "llama")  # with heads of 16
    with pytest.raises(
        UserError, match=r"rollout\.engine=vllm cannot serve model\.path=.*small: vLLM reports: .*head"
    ):
        engines.opened(small)
    experts = tiny.save(
        tmp_path / "experts", "mixtral", num_local_experts=2, num_experts_per_tok=1, **engines.SIZES
    )
    with pytest.raises(UserError, match="accepts no new weights for mixtures of experts"):
        engines.opened(experts)
    unknown = tiny.save(tmp_path / "unknown", "mpt", n_heads=1)
    with pytest.raises(UserError, match=r"does not support .*, the architecture of model\.path=.*unknown"):
        engines.opened(unknown)


def test_a_version_that_cannot_be_synced_is_one_sentence(tmp_path, monkeypatch):
    path = engines.tied_model(tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.delattr("vllm.LLM.reset_prefix_cache")
        with pytest.raises(UserError, match=r"vllm 0\.\S+ has no LLM\.reset_prefix_cache"):
            engines.opened(path)
    monkeypatch.setattr(
        "vllm.v1.worker.gpu_model_runner.GPUModelRunner.reload_weights", lambda self, weights_iterator: None
    )
    with pytest.raises(UserError, match=r"has no reload_weights\(weights_path=\.\.\.\)"):
        engines.opened(path)


def test_too_little_memory_for_both_is_one_sentence(tmp_path):
    path = engines.tied_model(tmp_path / "m")
    with pytest.raises(
        UserError, match=r"not enough memory for both trainer and engine: lower run\.cache_gb"
    ):
        engines.opened(path, "run.cache_gb=100000")
    assert torch.get_num_threads() >= 1
