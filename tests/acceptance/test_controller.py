"""The clip controller on default runs of 12 rollouts, about a minute each: `make acceptance`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

ROLLOUTS = 12
QUARTER, TIMES = (0.75, 1.25), (0.67, 1.5)
"""Limits of the realized fraction in multiples of the target: of one run as short as these, and of a target that is held."""


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("objective", "target", "control", "limits"),
    [
        ("grpo", 0.01, "integral", TIMES),
        ("sspo", 0.2, "integral", QUARTER),
        # at this rate responses train; bounds that would clip far less of them do not restrain the policy at all
        ("gspo", 0.2, "proportional", QUARTER),
    ],
)
def test_the_last_half_of_a_run_is_near_the_target(objective, target, control, limits, tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sspo.train", f"objective={objective}", f"run.store={tmp_path}"),
            *("tracking=none", f"trainer.rollouts={ROLLOUTS}", f"objective.bounds.target_clip_frac={target}"),
            f"objective.bounds.target_control={control}",
            *("evaluation.every=0", "evaluation.questions=1", "evaluation.samples=1"),  # no part of training
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    (log,) = tmp_path.glob("cells/**/seed0/metrics.jsonl")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rates = [row["policy/clip_frac_matched"] for row in rows if "policy/clip_frac_matched" in row]
    assert len(rates) == ROLLOUTS
    last_half = rates[len(rates) // 2 :]
    realized = sum(last_half) / len(last_half)
    print(f"{objective}: {100 * realized:.2f} % of {100 * target:g} %")
    least, most = limits
    assert least * target <= realized <= most * target
    assert ("was not held" in done.stderr) == (abs(realized - target) > 0.01)
