"""What goes to an engine with weights of its own and what comes back, without one."""

from __future__ import annotations

import ast
import multiprocessing
import os
import random
import signal
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sspo.compose.fast import quick_compose
from sspo.config import LoraConfig, ModelConfig
from sspo.errors import UserError
from sspo.models.policy import load_policy
from sspo.randomness import torch_stream
from sspo.rollout import open_sampler
from sspo.rollout.engine.outlived import EngineDied, outlived
from sspo.rollout.engine.requests import Answer, as_rollout, row_seeds
from sspo.rollout.engine.undisturbed import undisturbed
from sspo.rollout.engine.weights import folder_weights
from sspo.tasks import task_of
from sspo.trainer.ready import ready_policy
from tests import tiny_models as tiny

CPU = torch.device("cpu")
KINDS = {
    "qwen2": {"tie_word_embeddings": True},
    "llama": {},
    "gpt2": {},
    "mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
}


def opened(path, rank: int = 0):
    return load_policy(ModelConfig(path=str(path), lora=LoraConfig(rank=rank)), CPU)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_sent_is_what_a_folder_holds_and_the_head(tmp_path, kind):
    folder = tiny.save(tmp_path / "m", kind, **KINDS[kind])
    held = load_file(folder / "model.safetensors")
    sent = dict(folder_weights(opened(folder).model, torch.float32))
    assert "lm_head.weight" in sent
    assert sent.keys() - held.keys() <= {"lm_head.weight"}
    assert all(torch.equal(sent[name], value) for name, value in held.items())
    assert "lm_head.weight" not in dict(folder_weights(opened(folder).model, torch.float32, head=False))
    halves = folder_weights(opened(folder).model, torch.bfloat16)
    assert {value.dtype for _, value in halves} == {torch.bfloat16}


def test_adapters_are_sent_as_part_of_their_layers(tmp_path):
    folder = tiny.save(tmp_path / "m", "llama")
    adapted, plain = opened(folder, rank=4), opened(folder)
    with torch.no_grad():
        for parameter in adapted.model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=torch_stream(0, "moved")))
    sent = dict(folder_weights(adapted.model, torch.float32))
    before = dict(plain.model.named_parameters())
    assert sent.keys() == before.keys()
    assert not torch.equal(
        sent["model.layers.0.mlp.up_proj.weight"], before["model.layers.0.mlp.up_proj.weight"]
    )
    ids_BT = torch.arange(24).view(2, 12)
    with torch.no_grad():
        expected = adapted.model(ids_BT).logits
        plain.model.load_state_dict(sent)
        assert torch.allclose(plain.model(ids_BT).logits, expected, atol=1e-5)


def test_every_row_has_a_seed_that_its_stream_gives():
    seeds = row_seeds(torch_stream(1, "x"), 500)
    assert seeds == row_seeds(torch_stream(1, "x"), 500)
    assert len(set(seeds)) == 500
    assert seeds[:3] == row_seeds(torch_stream(1, "x"), 3)
    assert row_seeds([7, 8], 2) == [7, 8]
    with pytest.raises(ValueError, match="2 streams for 3 rows"):
        row_seeds([7, 8], 3)


def test_answers_become_a_rollout():
    answers = [Answer(tokens=[4, 2], truncated=False, logp=[-1.0, -0.5]), Answer(tokens=[6, 6, 6], truncated=True, logp=[-2.0, -3.0, -4.0])]  # fmt: skip
    found = as_rollout([[9, 8]], 2, answers, 0, CPU)
    assert found.prompt_BL.tolist() == [[9, 8], [9, 8]]
    assert found.prompt_mask_BL.all()
    assert found.response_BT.tolist() == [[4, 2, 0], [6, 6, 6]]
    assert found.mask_BT.tolist() == [[True, True, False], [True, True, True]]
    assert found.truncated_B.tolist() == [False, True]
    assert found.logp_BT.tolist() == [[-1.0, -0.5, 0.0], [-2.0, -3.0, -4.0]]
    plain = as_rollout([[9], [7, 7]], 1, [Answer(tokens=[1], truncated=False)] * 2, 0, CPU)
    assert plain.prompt_BL.tolist() == [[0, 9], [7, 7]]
    assert plain.logp_BT is None


def test_ambient_state_is_put_back(monkeypatch):
    monkeypatch.setenv("SSPO_TEST", "before")
    threads, set_threads, handler = (
        torch.get_num_threads(),
        torch.set_num_threads,
        signal.getsignal(signal.SIGTERM),
    )
    drawn = []
    for disturbs in (False, True):
        torch.manual_seed(5)
        random.seed(5)
        np.random.seed(5)
        with undisturbed():
            if disturbs:
                torch.manual_seed(1)
                random.seed(1)
                np.random.seed(1)
                torch.set_num_threads(threads + 1)
                torch.set_num_threads = lambda count: None
                torch.set_default_dtype(torch.float64)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.environ.update(SSPO_TEST="inside", SSPO_NEW="inside")
        drawn.append((torch.rand(3).tolist(), random.random(), np.random.rand()))
    assert drawn[0] == drawn[1]
    assert torch.get_num_threads() == threads
    assert torch.set_num_threads is set_threads
    assert torch.get_default_dtype() == torch.float32
    assert signal.getsignal(signal.SIGTERM) == handler
    assert os.environ["SSPO_TEST"] == "before"
    assert "SSPO_NEW" not in os.environ


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vllm is installed here")
def test_a_missing_package_is_one_sentence():
    config = quick_compose(["rollout=vllm"])
    with pytest.raises(UserError, match=r"vllm is not installed here: run `make setup-vllm`"):
        open_sampler(load_policy(config.model, CPU), config)


def test_a_call_outlives_the_process_that_it_waits_for():
    assert outlived(lambda: 3, []) == 3
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,), name="engine")
    process.start()
    assert outlived(lambda: 4, [process]) == 4
    with pytest.raises(KeyError, match="no such thing"):
        outlived(lambda: {}["no such thing"], [process])
    threading.Timer(0.2, process.kill).start()
    with pytest.raises(EngineDied, match="engine ended with -9"):
        outlived(lambda: threading.Event().wait(60), [process])
    assert outlived(lambda: 5, [process]) == 5  # it answered all the same


def test_one_file_imports_vllm():
    root = Path(__file__).resolve().parents[2]
    found = {
        path.relative_to(root).as_posix()
        for package in ("sspo", "sweeps", "analysis", "hydra_plugins")
        for path in (root / package).rglob("*.py")
        if "vllm" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if (isinstance(node, ast.Import) and any(one.name.split(".")[0] == "vllm" for one in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vllm")
    }
    assert found == {"sspo/rollout/vllm.py"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run.prompt_tokens=3",), "and rollout.max_tokens=112 need .* raise run.prompt_tokens to"),
        (("rollout.max_tokens=20", "run.prompt_tokens=8", "evaluation.max_tokens=40"), "and evaluation.max_tokens=40 need"),
    ],
)  # fmt: skip
def test_prompts_beyond_what_an_engine_is_started_for_are_refused_before_any_work(words, said):
    config = quick_compose(["rollout=vllm", "evaluation.max_tokens=112", *words])
    with pytest.raises(UserError, match=said):
        ready_policy(config, task_of(config), CPU, lambda remark: None)
