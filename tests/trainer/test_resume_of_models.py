"""Runs that train adapters, in bfloat16, with 8-bit moments or with less memory: killed after each rollout, they continue bit for bit.

Runs without any of it: test_resume.py.
"""

from __future__ import annotations

import importlib.util
import math
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.runs.tracking import NoTracker
from sspo.trainer import loop
from sspo.trainer.optim import Diverged, trained
from tests.trainer.killed import CONTROLLED_KL, bits, run
from tests.trainer.runs import BARELY_SCORED, TINY, folder

ADAPTERS = ("model.lora.rank=4",)
NARROW = ("model.precision=bfloat16",)
AGAIN = ("trainer.gradient_checkpointing=true",)
EIGHT_BIT = ("trainer.optimizer=adamw_8bit",)
CPU = torch.device("cpu")
needs_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="no bitsandbytes: run `make setup-8bit`"
)
TYPES = {torch.float32, torch.uint8, torch.int64}


def tensors(run_folder: Path, file: str) -> dict[str, torch.Tensor]:
    return load_file(run_folder / "checkpoints" / "rollout000003" / file)


@pytest.mark.acceptance
@pytest.mark.parametrize(
    "options",
    [
        (*ADAPTERS, *AGAIN),
        NARROW,
        pytest.param(EIGHT_BIT, marks=needs_bitsandbytes),
        pytest.param((*ADAPTERS, *NARROW, *AGAIN, *EIGHT_BIT), marks=needs_bitsandbytes),
    ],
    ids=["adapters whose layers run again", "bfloat16", "8-bit moments", "all of them"],
)
def test_killed_after_each_rollout_it_ends_as_a_run_that_was_left_alone(options, tmp_path):
    words = (*CONTROLLED_KL, *options)
    left_alone = run(tmp_path / "alone", words)
    assert left_alone.status == 0, left_alone.stderr
    for number in (1, 2, 3):  # each goes on from the checkpoint before, and dies with its rollout in vain
        killed = run(tmp_path / "killed", words, before=("os.rename", f"checkpoints/rollout00000{number}"))
        assert killed.status == -signal.SIGKILL, killed.stderr
    assert run(tmp_path / "killed", words).status == 0
    one, other = folder(tmp_path / "alone"), folder(tmp_path / "killed")
    assert bits(one) == bits(other)
    weights = "adapter_model.safetensors" if ADAPTERS[0] in options else "model.safetensors"
    for file in (weights, "optimizer.safetensors"):
        there, here = tensors(one, file), tensors(other, file)
        assert there.keys() == here.keys()
        assert not [name for name in there if not torch.equal(there[name], here[name])]
    assert {value.dtype for value in tensors(one, weights).values()} == {torch.float32}
    moments = {value.dtype for value in tensors(one, "optimizer.safetensors").values()}
    assert moments <= (TYPES if EIGHT_BIT[0] in options else {torch.float32})


def test_adapters_that_diverge_before_any_checkpoint_go_back_to_the_base(tmp_path, monkeypatch, capsys):
    config = quick_compose([*TINY, *BARELY_SCORED, *ADAPTERS, "trainer.rollouts=1", "rollout.max_tokens=60"])
    trainer = loop.Trainer(replace(config, run=replace(config.run, device="cpu")), tmp_path, Progress("test"))
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        before = trainer.model(ids).logits
    real = loop.apply_gradients

    def poisoned(model, optimizer, config, step):
        if step == 2:
            trained(model)[0].grad.fill_(math.nan)
        return real(model, optimizer, config, step)

    monkeypatch.setattr(loop, "apply_gradients", poisoned)
    with pytest.raises(Diverged, match="optimizer step 2"):
        trainer.run(NoTracker())
    with torch.no_grad():
        assert torch.equal(trainer.model(ids).logits, before)
