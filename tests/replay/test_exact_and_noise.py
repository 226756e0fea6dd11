"""Real recorded runs: their own objective gives back what they logged, and gradient noise is what its definition says."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.config import ClipConfig, ModelConfig
from sspo.console.progress import Progress
from sspo.models.forward import open_forward
from sspo.models.policy import load_policy
from sspo.objective.context import prepared
from sspo.objective.micro_batch import part_loss, step_context
from sspo.objective.variants import VARIANTS
from sspo.randomness import torch_stream
from sspo.replay.__main__ import main as replay
from sspo.replay.fidelity import TOLERANCE, agreement, pooled, replay_steps
from sspo.replay.grad_noise import SUB_BATCHES, gradient_noise
from sspo.replay.source import open_run
from sspo.runs.tracking import NoTracker
from sspo.trainer.loop import Trainer
from sspo.trainer.saved_model import load_weights
from tests.trainer.runs import BARELY_SCORED, TINY

RUNS = {
    "sspo, two epochs, many micro-batches": (
        "trainer.epochs=2",
        "trainer.micro_batch_tokens=600",
        "trainer.rollouts=1",
    ),
    "gspo under a controller": (
        "objective=gspo",
        "objective.bounds.target_clip_frac=0.2",
        "trainer.rollouts=3",
    ),
    "dr_grpo with random cuts": ("objective=dr_grpo", "segmentation=random", "trainer.record=2"),
}


def train_here(folder, *overrides):
    """A tiny recorded run in this process; returns its folder."""
    config = quick_compose(
        [*TINY, *BARELY_SCORED, "rollout.responses=8", "trainer.record=1", "trainer.rollouts=2", *overrides]
    )
    folder.mkdir()
    trainer = Trainer(replace(config, run=replace(config.run, device="cpu")), folder, Progress("test"))
    trainer.run(NoTracker())
    return folder


def agreement_of(run, logged):
    return pooled([agreement(run.read(path), run.config, logged) for path in run.files])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    store = tmp_path_factory.mktemp("recorded")
    return {name: train_here(store / str(i), *RUNS[name]) for i, name in enumerate(RUNS)}


@pytest.mark.parametrize("name", RUNS)
def test_the_run_s_own_objective_reproduces_every_logged_step(recorded, name):
    run = open_run(recorded[name])
    found = agreement_of(run, run.logged_steps())
    rollouts, every = run.config.trainer.rollouts, run.config.trainer.record
    assert found.rollouts == tuple(k for k in range(rollouts) if (k + 1) % every == 0)
    updates = 32 // 8 * run.config.trainer.epochs
    assert found.steps == updates * len(found.rollouts)
    assert found.difference <= TOLERANCE, found.where


def test_a_log_that_says_something_else_is_noticed(recorded):
    run = open_run(recorded["gspo under a controller"])
    logged = run.logged_steps()
    logged[5]["policy/clip_frac"] += 1e-4
    found = agreement_of(run, logged)
    assert not found.holds
    assert found.where == "policy/clip_frac of step 5"
    del logged[5]["policy/clip_frac"]
    assert agreement_of(run, logged).difference == float("inf")


def test_a_controlled_run_logs_its_scale_and_moves_its_bounds(recorded):
    run = open_run(recorded["gspo under a controller"])
    steps = [replay_steps(rollout, run.config)[-1] for rollout in map(run.read, run.files)]
    scales = [step["policy/clip_scale"].value() for step in steps]
    bounds = [step["policy/bound_low_mean"].value() for step in steps]
    assert scales[0] == 1
    assert len(set(scales)) == 3
    assert bounds == pytest.approx([3e-4 * scale for scale in scales], rel=1e-5)
    # checkpointed, so that a resumed run goes on from where its controller was
    saved = max((run.folder / "checkpoints").iterdir())
    state = json.loads((saved / "state.json").read_text())
    assert state["control"]["rollouts"] == 3
    assert np.exp(state["control"]["log_scale"]) not in scales


def test_gradient_noise_is_its_definition(recorded):
    run = open_run(recorded["sspo, two epochs, many micro-batches"])
    last = run.read(run.files[-1])
    policy = load_policy(ModelConfig(path="embedded"), torch.device("cpu"))
    load_weights(run.checkpoint_after(last.number), policy.model)
    objective, batch = run.config.objective, last.batch
    (value,) = gradient_noise(policy, last, [(objective, batch.segment_id_BT)], run.config)

    # the definition, by the loss and autograd through the model for every part
    batch = prepared(batch, objective, run.config.rollout.responses, run.config.seed, last.number)
    order = torch.randperm(32, generator=torch_stream(run.config.seed, "gradient noise", last.number))
    gradients = []
    for row_b in order.tensor_split(SUB_BATCHES):
        part = batch.rows(row_b)
        logp = open_forward(policy, run.config.trainer).token_logp(part, 1.0)
        policy.model.zero_grad()
        part_loss(logp, part, objective, step_context(batch, row_b, 112)).loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in policy.model.parameters()]).double().numpy())
    stacked = np.stack(gradients)
    trace = stacked.var(axis=0, ddof=1).sum()
    assert value == pytest.approx(trace / (stacked.mean(0) ** 2).sum(), rel=1e-3)


def test_no_gradient_has_no_noise(recorded):
    run = open_run(recorded["gspo under a controller"])
    last = run.read(run.files[-1])
    silent = replace(last, scores=tuple(replace(score, value=1.0) for score in last.scores))
    policy = load_policy(ModelConfig(path="embedded"), torch.device("cpu"))
    point = (run.config.objective, last.batch.segment_id_BT)
    assert gradient_noise(policy, silent, [point], run.config) == [None]


def test_the_command_fills_the_noise_of_the_last_recorded_rollout_alone(recorded, tmp_path):
    folder = recorded["dr_grpo with random cuts"]
    words = ["segmentation=token,response", "objective=grpo", "objective.ratio=segment", "clip=0.01,0.1"]
    assert replay([str(folder), *words, "--grad-noise", "--out", str(tmp_path)]) == 0
    table = pd.read_parquet(tmp_path / "replay.parquet")
    filled = table[table["grad_noise"].notna()]
    assert len(filled) == 4  # two rules, two bounds
    assert set(filled["rollout"]) == {1}
    assert (filled["update"] == 3).all()
    assert json.loads((tmp_path / "replay.json").read_text())["sub_batches"] == 16
    # the value of one of them, from the same parts
    run = open_run(folder)
    last = run.read(run.files[-1])
    policy = load_policy(ModelConfig(path="embedded"), torch.device("cpu"))
    load_weights(run.checkpoint_after(last.number), policy.model)
    tight = replace(VARIANTS["grpo"], clip=ClipConfig(low=0.01, high=0.01))
    (wanted,) = gradient_noise(policy, last, [(tight, last.batch.segment_id_BT)], run.config)
    one = filled[(filled["rule"] == "token") & (filled["low"] == 0.01)]
    assert one["grad_noise"].iloc[0] == pytest.approx(wanted, rel=1e-6)
