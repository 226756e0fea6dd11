"""Chaos: 24 cells, 4 slots in three processes on two machines, 20 kills, a full disk, a clock that jumps, torn logs.

Kills follow the progress of the work and not a clock, so that the same share of it is disturbed on any computer.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from chaos_process import CELLS, STEPS, plan_of

from sspo.runlog import FAILURES
from sweeps import claims
from sweeps.ledger import attempts_folder, standing

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("chaos_process.py")
PLACES = {
    "controller": ("run", "here", "2"),
    "neighbour": ("work", "here", "1"),
    "other machine": ("work", "there", "1"),
}
VICTIMS = ["trial"] * 9 + ["neighbour", "other machine"] * 3 + ["controller"] * 5
"""20 kills."""
STEPS_A_KILL = 9
"""20 x 9 of 240 steps."""
PATIENCE = 240.0
SEED = int(os.environ.get("CHAOS_SEED", "7"))
DISK = 160 * 2**20


class Sweep:
    """The processes of one sweep, which are started again when they die."""

    def __init__(self, store: Path, scratch: Path):
        self.store, self.scratch = store, scratch
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.random = random.Random(SEED)
        (scratch / "clock").write_text("0")

    def start(self, place: str, *more: str) -> subprocess.Popen[str]:
        role, machine, slots = PLACES[place]
        command = [
            sys.executable,
            str(PROCESS),
            role,
            str(self.store),
            str(self.scratch),
            machine,
            slots,
            *more,
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.processes[place] = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environment
        )
        return self.processes[place]

    def keep_up(self) -> None:
        """Start what is not there: the controller first, which the others join."""
        for place in PLACES:
            if place not in self.processes or self.processes[place].poll() is not None:
                if place in self.processes:
                    self.processes[place].communicate()  # reaped
                if place == "controller" or (self.store / "studies" / "chaos.json").is_file():
                    self.start(place)

    def progress(self) -> int:
        path = self.scratch / "progress"
        return path.stat().st_size if path.exists() else 0

    def trials(self) -> list[int]:
        """Pids of trials that run."""
        found = [claims.newest(attempts_folder(trial.folder)) for trial in plan_of(self.store).trials()]
        return [
            claim.processes[1][0]
            for claim in found
            if claim and not claim.outcome and len(claim.processes) > 1
        ]

    def kill(self, victim: str) -> bool:
        """Whether there was one to kill."""
        if victim != "trial":
            process = self.processes.get(victim)
            if process is None or process.poll() is not None:
                return False
            process.kill()
            return True
        pids = [pid for pid in self.trials() if _signal(pid, signal.SIGKILL)][:1]
        return bool(pids)

    def end(self) -> None:
        while self.processes:
            _, process = self.processes.popitem()
            process.kill()
            process.wait()


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_for(true: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < limit, f"{what}: not within {PATIENCE:g} s"
        time.sleep(0.05)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own that can be filled, or a plain folder without the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_no_cell_is_lost_or_done_twice_whatever_dies(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = claims.this_machine()
    monkeypatch.setattr(claims, "this_machine", lambda: f"{here}/here")
    store, scratch = disk / "runs", tmp_path / "scratch"
    scratch.mkdir()
    sweep = Sweep(store, scratch)
    try:
        kill_twenty(sweep)
        sweep.end()
        tear_logs(store)
        if disk.is_mount():
            said = fill_the_disk(sweep, disk / "ballast")
            assert said.count("\n") == 1, said
            assert "No space left on device" in said or "is full" in said
            (disk / "ballast").unlink()
        every_failure_is_classed(store)
        assert not any(half_written(trial.folder) for trial in plan_of(store).trials())
        final = sweep.start("controller", "retry")
        said, _ = final.communicate(timeout=PATIENCE)
        assert final.returncode == 0, said
    finally:
        sweep.end()
    every_cell_is_done_once(store, scratch)
    if not disk.is_mount():
        pytest.skip("all of it held but for the full disk, which takes the right to mount a small one")


def kill_twenty(sweep: Sweep) -> None:
    """A kill every few steps; the clock jumps a day ahead and back in between."""
    victims = sweep.random.sample(VICTIMS, len(VICTIMS))
    for count, victim in enumerate(victims):
        goal = sweep.progress() + STEPS_A_KILL

        def reached(goal: int = goal) -> bool:
            sweep.keep_up()
            return sweep.progress() >= goal

        wait_for(reached, f"progress before kill {count}")
        wait_for(lambda victim=victim: (sweep.keep_up(), sweep.kill(victim))[1], f"a {victim} to kill")
        (sweep.scratch / "clock").write_text(str((0, 86_400, -86_400)[count % 3]))


def tear_logs(store: Path) -> None:
    """Cut into the last lines of every log of what is not done."""
    for trial in plan_of(store).trials():
        path = trial.folder / "metrics.jsonl"
        if path.exists() and not (trial.folder / "DONE.json").exists():
            with path.open("r+b") as stream:
                stream.truncate(max(path.stat().st_size - 37, 0))


def fill_the_disk(sweep: Sweep, ballast: Path) -> str:
    """Fill it while trials run. Returns what the controller said last, after counting what was tried again."""
    goal = sweep.progress() + 3
    controller = sweep.start("controller", "retry")
    wait_for(
        lambda: sweep.progress() >= goal or controller.poll() is not None, "trials before the disk is full"
    )
    with ballast.open("wb", buffering=0) as stream:
        for block in (bytes(2**22), bytes(2**12)):
            with suppress(OSError):  # that is the aim
                while stream.write(block) == len(block):
                    pass
    said, _ = controller.communicate(timeout=PATIENCE)
    assert controller.returncode == 2, said
    return "".join(line for line in said.splitlines(keepends=True) if line.startswith("error: "))


def every_failure_is_classed(store: Path) -> None:
    for trial in plan_of(store).trials():
        now = standing(trial.folder)
        assert now.state in ("done", "pending", "failed") or elsewhere(trial.folder)
        assert now.state != "failed" or now.reason in FAILURES


def elsewhere(folder: Path) -> bool:
    """Whether the other machine had it, of whose death nobody here can know yet."""
    claim = claims.newest(attempts_folder(folder))
    return claim is not None and claim.machine.endswith("there")


def half_written(folder: Path) -> bool:
    done = folder / "DONE.json"
    return done.exists() and "steps" not in json.loads(done.read_text())


def every_cell_is_done_once(store: Path, scratch: Path) -> None:
    trials = plan_of(store).trials()
    assert not (scratch / "wrong").exists(), (scratch / "wrong").read_text()
    assert [standing(trial.folder).state for trial in trials] == ["done"] * CELLS
    for trial in trials:
        lines = (trial.folder / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == list(range(1, STEPS + 1))
        ends = Counter(claim.outcome for claim in claims.claims(attempts_folder(trial.folder)))
        assert (
            ends["done"] + ends[""] == 1
        )  # without an end: its worker died when the trial had just got to its own
        assert set(ends) <= {"done", "", "killed", "lost", "interrupted", "void"}
    finishes = Counter((scratch / "finishes").read_text().split())
    assert set(finishes) <= {trial.cell for trial in trials}
    assert max(finishes.values()) == 1
    assert len((scratch / "starts").read_text().split()) > CELLS  # the kills did hit
