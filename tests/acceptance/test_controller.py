"""The clip controller on default runs of 12 rollouts, about a minute each: `make acceptance`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

ROLLOUTS = 12
TARGET = 0.2
"""At this rate all three levels train; bounds that would clip far less often at response level do not restrain at all."""


@pytest.mark.acceptance
@pytest.mark.parametrize("objective", ["grpo", "sspo", "gspo"])
def test_the_last_half_of_a_run_is_within_a_quarter_of_the_target(objective, tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sspo.train", f"objective={objective}", f"run.store={tmp_path}"),
            *("tracking=none", f"trainer.rollouts={ROLLOUTS}", f"objective.bounds.target_clip_frac={TARGET}"),
            *("evaluation.every=0", "evaluation.questions=1", "evaluation.samples=1"),  # no part of training
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    (log,) = tmp_path.glob("cells/*/seed0/metrics.jsonl")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    rates = [row["policy/clip_frac_matched"] for row in rows if "policy/clip_frac_matched" in row]
    assert len(rates) == ROLLOUTS
    last_half = rates[len(rates) // 2 :]
    realized = sum(last_half) / len(last_half)
    print(f"{objective}: {100 * realized:.2f} % of {100 * TARGET:g} %")
    assert 0.75 * TARGET <= realized <= 1.25 * TARGET
