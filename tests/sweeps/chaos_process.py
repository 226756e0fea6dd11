"""A controller or a joined worker of the chaos test: `chaos_process.py run|work STORE SCRATCH MACHINE [SLOTS]`.

Its wall clock is wrong by as many seconds as SCRATCH/clock says at the moment.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from sspo.compose import CONF_ROOT
from sspo.errors import one_sentence
from sweeps import claims, lock
from sweeps.plan import Plan, PlannedArm, Trial
from sweeps.run import run_sweep, run_work
from sweeps.study import load
from sweeps.training import RunOptions
from sweeps.worker import Command

CELLS, STEPS = 24, 10
TRIAL = Path(__file__).with_name("chaos_trial.py")


def plan_of(store: Path) -> Plan:
    """24 arms of one seed each."""
    arms = tuple(
        PlannedArm(
            name=f"c{index:02d}",
            label="",
            role="arm",
            cell=f"c{index:02d}",
            seeds=(0,),
            overrides=(),
            copy_of=None,
            rollouts=STEPS,
            recorded=(),
            against=None,
            target_clip_frac=None,
            factors={},
            size="",
        )
        for index in range(CELLS)
    )
    study = replace(load(CONF_ROOT / "study", "clip_ablation"), name="chaos")
    return Plan(study=study, preset="default", store=store, arms=arms)


def trial_command(scratch: Path) -> Command:
    """How a trial starts."""

    def command(trial: Trial) -> list[str]:
        return [sys.executable, "-S", str(TRIAL), str(trial.folder), str(scratch), str(STEPS)]

    return command


def main() -> int:
    role, store, scratch, machine, *rest = sys.argv[1:]
    here, real = claims.this_machine(), time.time
    for module in (claims, lock):
        module.this_machine = lambda: f"{here}/{machine}"  # type: ignore[attr-defined]
    time.time = lambda: real() + float((Path(scratch) / "clock").read_text() or 0)
    options = RunOptions(workers=int(rest[0]), stale_after=6.0, retry_failed="retry" in rest)
    work = run_sweep if role == "run" else run_work
    return work(plan_of(Path(store)), options, Console(width=200), trial_command(Path(scratch)))


if __name__ == "__main__":
    sys.exit(one_sentence(main))
