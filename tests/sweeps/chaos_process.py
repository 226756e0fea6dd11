"""A controller or a joined worker of the chaos test: `chaos_process.py run|work STORE SCRATCH MACHINE SLOTS [retry]`."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from sspo.console.one_sentence import one_sentence
from sweeps.control.sweep import RunOptions, run_sweep, run_work
from sweeps.ledger import leases, lock
from sweeps.plan.plan import Trial
from sweeps.workers.worker import Command, train_command
from tests.sweeps.chaos_notes import set_the_clock_wrong
from tests.sweeps.chaos_plan import STEPS, is_real, plan_of

STUB = Path(__file__).with_name("chaos_trial.py")


def commands(study: str, scratch: Path) -> Command:
    """Return the command line of a trial; a real one starts as in any sweep."""
    train = train_command(study)

    def command(trial: Trial) -> list[str]:
        if is_real(trial):
            return list(train(trial))
        return [sys.executable, "-S", str(STUB), str(trial.folder), str(scratch), str(STEPS)]

    return command


def main() -> int:
    role, store, scratch, machine, slots, *rest = sys.argv[1:]
    here = leases.this_machine()
    for module in (leases, lock):
        module.this_machine = lambda: f"{here}/{machine}"  # type: ignore[attr-defined]
    set_the_clock_wrong(Path(scratch))
    options = RunOptions(workers=int(slots), stale_after=6.0, retry_failed="retry" in rest)
    work, plan = run_sweep if role == "run" else run_work, plan_of(Path(store))
    return work(plan, options, Console(width=200), commands(plan.study.name, Path(scratch)))


if __name__ == "__main__":
    sys.exit(one_sentence(main))
