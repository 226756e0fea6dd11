"""SSPOTrainer's optimizer steps in TRL's real loop against our loss over the whole step at once (tests/trl/observed.py).

The gradient is that of the model, before the optimizer's step, accumulated over two micro-batches.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sspo.objective.variants import VARIANTS
from tests.trl.observed import differences, train

CLOSE = 1e-6
FIXED = ("objective.bounds.adapt=none", "objective.bounds.alpha=0")
NAMED = {
    "grpo": ("grpo", ()),
    "gspo": ("gspo", ()),
    "sspo, fixed bounds": ("sspo", FIXED),
    "sspo, bounds by entropy": ("sspo", ()),
    "dapo": ("dapo", ()),
}
SAMPLER = [name for name, row in VARIANTS.items() if row.tis_cap is not None or row.mis_cap is not None]
"""Objectives that need a sampler's own log-probabilities, which `model.generate` does not report: test_rollout_func.py."""


def close(found):
    """Check every step; return the shares of tokens that were clipped."""
    for step in found:
        assert step["loss"] < CLOSE, found
        assert step["gradient"] < CLOSE, found
        assert step["clip_frac"] < CLOSE, found
        assert step["lengths"] > 2, "responses are ragged"
    return [step["clipped"] for step in found]


@pytest.mark.parametrize("label", NAMED)
def test_each_step_is_that_of_our_loss(label):
    objective, overrides = NAMED[label]
    trainer, steps = train(objective, overrides=overrides)
    clipped = close(differences(trainer, steps, objective, overrides))
    assert clipped[0] == 0, "the first step's ratios are 1"
    assert all(share > 0.01 for share in clipped[1:]), "and later ones are not"


@pytest.mark.parametrize(
    "objective", [name for name in VARIANTS if name not in (*SAMPLER, "grpo", "gspo", "dapo", "sspo")]
)
def test_so_is_the_second_step_of_every_other_objective(objective):
    trainer, steps = train(objective, max_steps=2, num_iterations=1)
    close(differences(trainer, steps, objective))


@pytest.mark.parametrize(
    "overrides",
    [
        ("segmentation.rule=random", "segmentation.random_like=subsentence"),
        ("segmentation.rule=entropy_group", "objective.bounds.alpha=-0.5"),
        ("objective.kl.coef=0.1",),
        ("objective.bounds.adapt=shuffled",),
    ],
)
def test_options_reach_the_loss(overrides):
    trainer, steps = train("sspo", overrides=overrides, max_steps=2, num_iterations=1)
    close(differences(trainer, steps, "sspo", overrides))
    plain = differences(trainer, steps, "sspo")
    assert plain[1]["gradient"] > 1e-3, "the option changes the gradient"


OWN_OBJECTIVE = """
import dataclasses
from sspo.objective.variants import VARIANTS
MINE = dataclasses.replace(VARIANTS["sspo"], aggregation="segment_mean", advantage="leave_one_out")
"""
OWN_RULE = """
def every_third(responses, config):
    return (responses.mask_BT.cumsum(1) % 3 == 0) & responses.mask_BT
"""


def test_an_objective_and_a_rule_of_ones_own_reach_the_loss(tmp_path):
    (tmp_path / "objective.py").write_text(OWN_OBJECTIVE)
    (tmp_path / "rule.py").write_text(OWN_RULE)
    objective, rule = f"{tmp_path}/objective.py:MINE", f"{tmp_path}/rule.py:every_third"
    trainer, steps = train(objective, segmentation=rule, max_steps=2, num_iterations=1)
    close(differences(trainer, steps, objective, (f"segmentation={rule}",)))
    assert steps[1].logged["rollout/tokens_per_segment"] <= 3


def test_two_processes_take_the_step_of_one():
    """Counts, moments of the entropy and group weights are those of all rows; DDP's mean over processes is undone."""
    names = ["grpo", "gspo", ",".join(["sspo", *FIXED]), "sspo", "dapo"]
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "tests.trl.observed", *names]
    done = subprocess.run(
        [sys.executable, *command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == names
    for name in names:
        assert close(found[name])[-1] > 0.01, name
