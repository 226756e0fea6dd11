"""Chaos: cells of a stub and of real training, 4 slots in three processes on two machines, kills, a full disk, a clock that
jumps, torn logs and torn checkpoints: 28 cells, 20 kills.

Kills follow the progress of the work and not a clock, so that the same share of it is disturbed on any computer.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from sspo.runs.runlog import FAILURES
from sspo.trainer import checkpoint_files
from sweeps.ledger import leases
from sweeps.ledger.state import attempts_folder, standing
from sweeps.plan.plan import Trial
from tests.sweeps.chaos_notes import FINISHES, GO, STARTS, WRONG, progress
from tests.sweeps.chaos_plan import REAL, STEPS, is_real, plan_of
from tests.sweeps.chaos_sweep import PATIENCE, SEED, Kills, Sweep, wait_for
from tests.trainer.killed import bits, run
from tests.trainer.runs import folder

DISK = 220 * 2**20
MANY = 10**6


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small separate file system that can be filled, or a plain folder without permission to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.acceptance
def test_no_cell_is_lost_or_done_twice_whatever_dies(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = leases.this_machine()
    monkeypatch.setattr(leases, "this_machine", lambda: f"{here}/here")
    scratch = tmp_path / "scratch"
    sweep = Sweep(disk / "runs", scratch)
    with ThreadPoolExecutor(max_workers=1) as beside:
        alone = tmp_path / "undisturbed"
        wanted = {name: beside.submit(undisturbed, name, alone) for name in REAL}
        try:
            kill_all(sweep)
            tear(sweep.trials)
            if disk.is_mount():
                fill_while_stubs_run(sweep, disk / "ballast")
                fill_while_training_runs(sweep, disk / "ballast")
            (scratch / GO).touch()
            every_failure_is_classed(sweep.trials)
            assert not any(half_written(trial.folder) for trial in sweep.trials)
            final = sweep.start("controller", "retry", slots=4)
            said, _ = final.communicate(timeout=PATIENCE)
            assert final.returncode == 0, said
        finally:
            sweep.end()
    every_cell_is_done_once(sweep.trials, scratch)
    for trial in filter(is_real, sweep.trials):
        assert bits(trial.folder) == wanted[trial.arm].result(), trial.arm
    if not disk.is_mount():
        pytest.skip("all of it held but for the full disk, which takes the right to mount a small one")


def undisturbed(arm: str, store: Path) -> dict[str, bytes]:
    """Return the logs of an undisturbed run of an arm."""
    store.mkdir(exist_ok=True)
    (overrides,) = (trial.overrides for trial in plan_of(store).trials() if trial.arm == arm)
    ended = run(store / arm, (*overrides, "run.device=cpu"))
    assert ended.status == 0, ended.stderr
    return dict(bits(folder(store / arm)))


def kill_all(sweep: Sweep) -> None:
    """Run until each real trial was killed in training; nothing runs afterwards."""
    kills = Kills(sweep)
    while kills.left:
        wait_for(kills.next, f"a {kills.left[0]} to kill")
    assert all(sweep.hits[name] for name in REAL), sweep.hits
    sweep.allow(MANY)
    sweep.end()


def tear(trials: list[Trial]) -> None:
    """Truncate the last lines of every log of an unfinished trial, and the last checkpoint of up to two real trials."""
    rng = random.Random(SEED)
    for trial in trials:
        path = trial.folder / "metrics.jsonl"
        if path.exists() and not (trial.folder / "DONE.json").exists():
            cut(path, max(path.stat().st_size - 37, 0))
    real = [trial for trial in trials if is_real(trial)]
    for trial in rng.sample(real, min(2, len(real))):
        assert not (trial.folder / "DONE.json").exists()
        checkpoint = checkpoint_files.checkpoints(trial.folder / "checkpoints")[-1]
        path = checkpoint / rng.choice((checkpoint_files.MODEL, *checkpoint_files.BESIDE))
        cut(path, rng.randrange(path.stat().st_size))
        assert checkpoint_files.flaw(checkpoint) is not None


def cut(path: Path, size: int) -> None:
    with path.open("r+b") as stream:
        stream.truncate(size)


def fill_while_stubs_run(sweep: Sweep, ballast: Path) -> None:
    """There are more slots than real trials, so that some running trials are stubs."""
    goal = progress(sweep.scratch) + 3
    controller = sweep.start("controller", "retry", slots=len(REAL) + 2)
    fill(sweep, ballast, lambda: progress(sweep.scratch) >= goal or controller.poll() is not None)


def fill_while_training_runs(sweep: Sweep, ballast: Path) -> None:
    """Real trials wait while the disk fills up and then continue; stubs take no step and write nothing."""
    before = sweep.allow(0)
    controller = sweep.start("controller", "retry", slots=2)
    fill(sweep, ballast, lambda: bool(sweep.standing()) or controller.poll() is not None)
    assert progress(sweep.scratch) == before
    assert not any((trial.folder / "DONE.json").exists() for trial in sweep.trials if is_real(trial))
    sweep.allow(MANY)


def fill(sweep: Sweep, ballast: Path, when: Callable[[], bool]) -> None:
    """Fill the disk, and check that the controller exits and reports it."""
    wait_for(when, "trials before the disk is full")
    with ballast.open("wb", buffering=0) as stream:
        for block in (bytes(2**22), bytes(2**12)):
            with suppress(OSError):  # that is the aim
                while stream.write(block) == len(block):
                    pass
    (sweep.scratch / GO).touch()
    controller = sweep.processes.pop("controller")
    said, _ = controller.communicate(timeout=PATIENCE)
    (sweep.scratch / GO).unlink()
    ballast.unlink()
    assert controller.returncode == 2, said
    error = "".join(line for line in said.splitlines(keepends=True) if line.startswith("error: "))
    assert error.count("\n") == 1, said
    assert "No space left on device" in error or "is full" in error


def every_failure_is_classed(trials: list[Trial]) -> None:
    for trial in trials:
        now = standing(trial.folder)
        assert now.state in ("done", "pending", "failed") or elsewhere(trial.folder)
        assert now.state != "failed" or now.reason in FAILURES


def elsewhere(folder: Path) -> bool:
    """Return whether the other machine held it, whose death cannot be detected here yet."""
    lease = leases.newest(attempts_folder(folder))
    return lease is not None and lease.machine.endswith("there")


def half_written(folder: Path) -> bool:
    done = folder / "DONE.json"
    return done.exists() and "steps" not in json.loads(done.read_text())


def every_cell_is_done_once(trials: list[Trial], scratch: Path) -> None:
    assert not (scratch / WRONG).exists(), (scratch / WRONG).read_text()
    assert [standing(trial.folder).state for trial in trials] == ["done"] * len(trials)
    for trial in trials:
        lines = (trial.folder / "metrics.jsonl").read_text().splitlines()
        if not is_real(trial):
            assert [json.loads(line)["step"] for line in lines] == list(range(1, STEPS + 1))
        ends = Counter(lease.outcome for lease in leases.leases(attempts_folder(trial.folder)))
        assert (
            ends["done"] + ends[""] == 1
        )  # without an end: its worker died when the trial had just got to its own
        assert set(ends) <= {"done", "", "killed", "lost", "interrupted", "void"}
    finishes = Counter((scratch / FINISHES).read_text().split())
    assert set(finishes) <= {trial.cell for trial in trials}
    assert max(finishes.values()) == 1
    assert all(finishes[trial.cell] == 1 for trial in trials if is_real(trial))
    assert len((scratch / STARTS).read_text().split()) > len(trials)  # the kills did hit
