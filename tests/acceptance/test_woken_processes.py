"""Real processes that are frozen at a named point, taken over, and woken when all is over; deletions; a store on a full disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sweeps.ledger.leases import leases
from sweeps.ledger.machine import start_of
from sweeps.ledger.state import attempts_folder, standing
from sweeps.plan.plan import Trial
from tests.sweeps import frozen_process
from tests.trainer.runs import ENVIRONMENT

pytestmark = pytest.mark.acceptance
WAIT = 60.0


def wait_until(true) -> None:
    """Look every twentieth of a second."""
    for _ in range(int(WAIT * 20)):
        if true():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came")


def stopped(pid: int) -> bool:
    """Whether a process is frozen."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def pulses(store: Path) -> list[int]:
    """Who wrote, in order."""
    path = store / "pulses"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def the_trial(store: Path) -> Trial:
    return Trial(arm="one", seed=0, overrides=(), rollouts=1, store=store, cell="one")


@pytest.mark.parametrize(
    ("part", "end"), [("trial", "fail"), ("worker", "raise")], ids=["a zombie trial", "a zombie worker"]
)
def test_a_process_that_wakes_up_while_it_renames_a_failure_deletes_no_result(part, end, tmp_path):
    (tmp_path / "freeze").write_text(f"{part} os.rename FAILED.json")
    (tmp_path / "release").touch()
    trial = the_trial(tmp_path)
    with subprocess.Popen([sys.executable, frozen_process.__file__, str(tmp_path), end]) as zombie:
        if part == "trial":
            wait_until(lambda: (trial.folder / "attempts" / "0001.json").exists())
            wait_until(lambda: len(leases(attempts_folder(trial.folder))[0].processes) == 2)
            pid = leases(attempts_folder(trial.folder))[0].processes[1][0]
            wait_until(lambda: stopped(pid))
            os.kill(zombie.pid, signal.SIGSTOP)
        else:
            wait_until(lambda: stopped(zombie.pid))
        assert frozen_process.sweep(tmp_path)
        assert standing(trial.folder).state == "done"
        if part == "trial":  # first, or its worker would kill it
            os.kill(pid, signal.SIGCONT)
            wait_until(lambda: start_of(pid) is None)
        os.kill(zombie.pid, signal.SIGCONT)
        assert zombie.wait(WAIT) == 0
    assert standing(trial.folder).state == "done"
    assert not (trial.folder / "FAILED.json").exists()
    assert [lease.outcome for lease in leases(attempts_folder(trial.folder))] == ["lost", "done"]


def test_a_run_folder_that_is_deleted_under_a_frozen_worker_has_one_live_trial_and_one_result(tmp_path):
    trial = the_trial(tmp_path)
    with subprocess.Popen([sys.executable, frozen_process.__file__, str(tmp_path)]) as zombie:
        wait_until(lambda: pulses(tmp_path))
        old = pulses(tmp_path)[0]
        os.kill(zombie.pid, signal.SIGSTOP)
        os.kill(old, signal.SIGSTOP)
        shutil.rmtree(trial.folder)

        def wake_when_there_is_another() -> None:
            wait_until(lambda: len(set(pulses(tmp_path))) == 2)
            os.kill(old, signal.SIGCONT)
            wait_until(lambda: start_of(old) is None)
            os.kill(zombie.pid, signal.SIGCONT)
            (tmp_path / "release").touch()

        helper = threading.Thread(target=wake_when_there_is_another)
        helper.start()
        assert frozen_process.sweep(tmp_path)
        helper.join()
        assert zombie.wait(WAIT) == 0
    writers = pulses(tmp_path)
    new = next(pid for pid in writers if pid != old)
    # a write that was frozen between its look and itself may still come
    assert writers[writers.index(new) :].count(old) <= 1
    assert [(lease.number, lease.outcome) for lease in leases(attempts_folder(trial.folder))][:1] == [
        (1, "done")
    ]
    assert standing(trial.folder).state == "done"


FULL = """
set -u
mount -t tmpfs -o size=256k none "$1" || exit 77
store="$1/store"; disk="$1"; shift
dd if=/dev/zero of="$disk/ballast" bs=1k count=1000 2> /dev/null
"$@"; [ $? = 2 ] || exit 3
rm "$disk/ballast"
mount -o remount,size=200m "$disk"
"$@" || exit 4
find "$store"/cells -name DONE.json -exec cat {} +
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a mount namespace of its own")
def test_a_first_sweep_on_a_full_disk_is_refused_and_the_same_command_runs_once_there_is_space(tmp_path):
    small = ["trainer.rollouts=0", "evaluation.questions=2", "evaluation.samples=1", "tracking=none"]
    train = [sys.executable, "-m", "sspo.train", "-m", *small, f"run.store={tmp_path / 'store'}"]
    shell = ["unshare", "--map-root-user", "--mount", "sh", "-c", FULL, "sh", str(tmp_path), *train]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"cannot mount here: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr
    (refusal,) = done.stderr.splitlines()
    assert refusal.startswith("error: cannot write to the store ")
    assert "No space left on device" in refusal
    assert json.loads(done.stdout[done.stdout.index("{") :])["rollouts"] == 0
