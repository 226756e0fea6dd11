"""What only CUDA can show, by what vLLM is asked and in which order: sleep, several devices, bfloat16."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from sspo.compose.fast import quick_compose
from sspo.models.policy import load_policy
from sspo.randomness import torch_stream
from sspo.rollout.engine.outlived import EngineDied
from tests.vllm import engines

pytest.importorskip("vllm", reason="no vllm here: `make test-vllm` runs this in an environment that has it")

from sspo.rollout.vllm import VllmSampler, engine_options


class Asked:
    """Notes what is asked of it in the place of vllm.LLM."""

    def __init__(self, *, dies: bool = False):
        self.calls: list[tuple] = []
        self.dies = dies

    def collective_rpc(self, method, kwargs=None):
        """Notes the names that are sent, or what lies in the folder."""
        kwargs = kwargs or {}
        if "weights_iterator" in kwargs:
            self.calls.append((method, sorted(name for name, _ in kwargs["weights_iterator"])))
        elif "weights_path" in kwargs:
            self.calls.append((method, load_file(Path(kwargs["weights_path"], "model.safetensors"))))
        return [True]

    def sleep(self, level):
        """Notes the level."""
        self.calls.append(("sleep", level))

    def wake_up(self, tags):
        """Notes what wakes up."""
        self.calls.append(("wake_up", tags))

    def reset_prefix_cache(self):
        """Notes it."""
        self.calls.append(("reset_prefix_cache",))
        return True

    def generate(self, prompts, params, use_tqdm):
        """One token a row."""
        from vllm.v1.engine.exceptions import EngineDeadError

        if self.dies:
            raise EngineDeadError
        assert not use_tqdm
        self.calls.append(("generate", len(prompts), params[0]))
        one = SimpleNamespace(token_ids=[3], logprobs=None, finish_reason="length")
        return [SimpleNamespace(outputs=[one]) for _ in prompts]


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """A tied model on the CPU."""
    path = engines.tied_model(tmp_path_factory.mktemp("m") / "tied")
    return load_policy(quick_compose([f"model.path={path}"]).model, torch.device("cpu"))


def config(policy, *words):
    return quick_compose([f"model.path={policy.path}", "rollout=vllm", *words])


def test_a_gpu_is_shared_by_sleep_then_weights_then_cache(policy, monkeypatch):
    llm = Asked()
    sampler = VllmSampler(llm, policy, config(policy))
    sampler.sleeps = True
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: llm.calls.append(("empty_cache", None)))
    assert [name for name, *_ in llm.calls] == ["reload_weights"]
    names = llm.calls[0][1]
    assert "lm_head.weight" in names
    assert "model.embed_tokens.weight" in names
    llm.calls.clear()
    sampler.rest()
    sampler.rest()  # it sleeps already
    sampler.sync(policy.model)
    sampler.sample([[1]], 2, max_tokens=1, temperature=1.0, draws=torch_stream(0, "x"))
    assert [call[:2] if call[0] != "reload_weights" else call[:1] for call in llm.calls] == [
        ("sleep", 2),
        ("empty_cache", None),
        ("wake_up", ["weights"]),
        ("reload_weights",),
        ("wake_up", ["kv_cache"]),
        ("reset_prefix_cache",),
        ("generate", 2),
    ]


def test_a_cpus_engine_never_sleeps(policy):
    llm = Asked()
    sampler = VllmSampler(llm, policy, config(policy))
    llm.calls.clear()
    sampler.rest()
    assert llm.calls == []


def test_workers_in_processes_of_their_own_read_a_folder(policy):
    llm = Asked()
    sampler = VllmSampler(llm, policy, config(policy, "run.gpus=2"))
    assert not sampler.in_process
    ((method, found),) = llm.calls
    assert method == "reload_weights"
    weights = dict(policy.model.named_parameters(remove_duplicate=False))
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], value) for name, value in weights.items())


def test_an_engine_that_died_is_one_sentence(policy):
    sampler = VllmSampler(Asked(dies=True), policy, config(policy))
    with pytest.raises(EngineDied, match="the process of its engine died"):
        sampler.sample([[1]], 2, max_tokens=1, temperature=1.0, draws=torch_stream(0, "x"))


def test_what_an_engine_on_two_gpus_is_started_with(policy, monkeypatch):
    gpu = SimpleNamespace(total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: gpu)
    there = SimpleNamespace(
        path=policy.path,
        precision="bfloat16",
        positions=policy.positions,
        model=SimpleNamespace(
            device=torch.device("cuda"), config=policy.model.config, parameters=policy.model.parameters
        ),
    )
    words = ("run.gpus=2", "run.cache_gb=10", "run.prompt_tokens=100", "rollout.max_tokens=50")
    asked = engine_options(there, config(policy, *words, "evaluation.max_tokens=60", "rollout.stop=['x']"))
    assert asked["tensor_parallel_size"] == 2
    assert asked["dtype"] == "bfloat16"
    assert asked["enable_sleep_mode"]
    assert not asked["enforce_eager"]
    assert asked["max_model_len"] == 160
    assert asked["kv_cache_memory_bytes"] == 10 * 2**30
    assert asked["logprobs_mode"] == "processed_logprobs"
    assert asked["tokenizer"] == policy.path
    assert asked["load_format"] == "safetensors"
    # weights of a tiny model are nothing beside 10 GiB of cache and 2 GiB of room, of 80
    assert asked["gpu_memory_utilization"] == pytest.approx(12 / 80, abs=1e-3)
    assert engine_options(policy, config(policy))["enforce_eager"]
    assert "trust_remote_code" not in asked
