"""The sweep of the chaos test: its processes, which are restarted when they die, and the kills."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sweeps.ledger import leases
from sweeps.ledger.machine import start_of
from sweeps.ledger.state import attempts_folder
from sweeps.plan.manifest import manifest_path
from sweeps.plan.plan import Trial
from tests.sweeps.chaos_notes import ALLOWANCE, CLOCK, STANDING, progress
from tests.sweeps.chaos_plan import REAL, VICTIMS, is_real, plan_of

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("chaos_process.py")
PLACES = {
    "controller": ("run", "here", 2),
    "neighbor": ("work", "here", 1),
    "other machine": ("work", "there", 1),
}
"""4 slots."""
TRAINING = ("real", "holder")
"""Kills of a real trial that stands behind its first checkpoint, or of the process that runs it."""
STEPS_A_KILL = 12
"""Of stubs, ahead of every kill that is not of training: 13 x 12 of 240."""
DAY = 86_400
PATIENCE = 240.0
SEED = os.environ.get("CHAOS_SEED", "7")
SITE = "from tests.sweeps.chaos_watch import install\n\ninstall({scratch!r}, {seed!r})\n"


class Sweep:
    """The processes of one sweep."""

    def __init__(self, store: Path, scratch: Path):
        self.store, self.scratch = store, scratch
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.random = random.Random(SEED)
        plan = plan_of(store)
        self.manifest, self.trials = manifest_path(plan), plan.trials()
        self.hits: Counter[str] = Counter()
        """Kills of each real trial that stood."""
        (scratch / STANDING).mkdir(parents=True)
        (scratch / CLOCK).write_text("0")
        (scratch / ALLOWANCE).write_text("0")
        (scratch / "site").mkdir()
        (scratch / "site" / "sitecustomize.py").write_text(SITE.format(scratch=str(scratch), seed=SEED))

    def start(self, place: str, *more: str, slots: int | None = None) -> subprocess.Popen[str]:
        """Start one of PLACES."""
        role, machine, usual = PLACES[place]
        words = (role, self.store, self.scratch, machine, slots or usual, *more)
        self.processes[place] = subprocess.Popen(
            [sys.executable, str(PROCESS), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{self.scratch / 'site'}:{ROOT}",
                "CUDA_VISIBLE_DEVICES": "",  # where different bits would be promised
            },
        )
        return self.processes[place]

    def keep_up(self) -> None:
        """Start the missing processes: the controller first, which the others join."""
        for place in PLACES:
            if place not in self.processes or self.processes[place].poll() is not None:
                if place in self.processes:
                    self.processes[place].communicate()  # reaped
                if place == "controller" or self.manifest.is_file():
                    self.start(place)

    def allow(self, steps: int) -> int:
        """Let stubs take this many further steps. Returns the total that they will have taken then."""
        goal = progress(self.scratch) + steps
        (self.scratch / ALLOWANCE).write_text(str(goal))
        return goal

    def running(self) -> dict[Trial, leases.Lease]:
        """Return the running trials, each with its lease, which names its worker's process and its own."""
        newest = {trial: leases.newest(attempts_folder(trial.folder)) for trial in self.trials}
        return {
            trial: lease
            for trial, lease in newest.items()
            if lease and not lease.outcome and len(lease.processes) > 1 and _lives(*lease.processes[1])
        }

    def standing(self) -> dict[Trial, leases.Lease]:
        """Return the real trials that wait for a kill."""
        said = {path.name: path.read_text() for path in (self.scratch / STANDING).iterdir()}
        return {
            trial: lease
            for trial, lease in self.running().items()
            if said.get(trial.cell) == str(lease.processes[1][0])
        }

    def end(self) -> None:
        """Kill all remaining processes."""
        while self.processes:
            _, process = self.processes.popitem()
            process.kill()
            process.wait()


class Kills:
    """All kills in a random order, each as soon as its target exists; the clock jumps in between."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        victims = VICTIMS
        self.left = sweep.random.sample(victims, len(victims))
        self.goal = sweep.allow(STEPS_A_KILL)

    def next(self) -> bool:
        """Return whether the next kill was made. Call it repeatedly: dead processes are restarted meanwhile."""
        self.sweep.keep_up()
        running, standing = self.sweep.running(), self.sweep.standing()
        self._turn(running, standing)
        victim = self.left[0]
        made = self._kill_training(victim, standing) if victim in TRAINING else self._kill(victim, running)
        if made:
            self.left.pop(0)
            if victim not in TRAINING:
                self.goal = self.sweep.allow(STEPS_A_KILL)
            (self.sweep.scratch / CLOCK).write_text(str((0, DAY, -DAY)[len(self.left) % 3]))
        return made

    def _turn(self, running: dict[Trial, leases.Lease], standing: dict[Trial, leases.Lease]) -> None:
        """Bring another kill forward if waiting for the next one could last forever, because all running trials wait too."""
        aimed = self.left[0] in TRAINING
        nobody = not any(is_real(trial) for trial in running) if aimed else standing == running != {}
        if nobody:
            other = [index for index, victim in enumerate(self.left) if (victim in TRAINING) != aimed]
            if other:
                self.left.insert(0, self.left.pop(other[0]))
            elif aimed:
                self.goal = self.sweep.allow(STEPS_A_KILL)
            else:
                self._kill_training("real", standing)

    def _kill_training(self, victim: str, standing: dict[Trial, leases.Lease]) -> bool:
        spare = self.left.count("real") - sum(not self.sweep.hits[name] for name in REAL)
        chosen = [
            trial for trial in standing if victim == "holder" or spare > 0 or not self.sweep.hits[trial.arm]
        ]
        if not chosen:
            return False
        trial = self.sweep.random.choice(chosen)
        assert any((trial.folder / "checkpoints").glob("rollout*"))
        assert not (trial.folder / "DONE.json").exists()
        holder, own = (pid for pid, _ in standing[trial].processes)
        os.kill(own if victim == "real" else holder, signal.SIGKILL)
        self.sweep.hits[trial.arm] += victim == "real"
        (self.sweep.scratch / STANDING / trial.cell).unlink()
        return True

    def _kill(self, victim: str, running: dict[Trial, leases.Lease]) -> bool:
        if progress(self.sweep.scratch) < self.goal:
            return False
        if victim == "stub":
            pids = [lease.processes[1][0] for trial, lease in running.items() if not is_real(trial)]
        else:
            process = self.sweep.processes.get(victim)
            pids = [process.pid] if process is not None and process.poll() is None else []
        if pids:
            os.kill(self.sweep.random.choice(pids), signal.SIGKILL)
        return bool(pids)


def _lives(pid: int, start: str) -> bool:
    return start_of(pid) == start


def wait_for(true: Callable[[], bool], what: str) -> None:
    """Fail if a condition does not become true in time."""
    limit = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < limit, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.05)
