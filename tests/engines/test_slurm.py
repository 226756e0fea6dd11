"""Job arrays by submitit: on its executor of local processes, and on a real single-machine Slurm if there is one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sspo.errors import UserError
from sweeps.engines.slurm import JOB, SQUEUE
from sweeps.monitor.requests import REQUEST_FILE, STOP, RequestReader
from sweeps.study.limits import Resources
from tests.engines.parts import counted, events, leased, states, stub, swept, trials_in, wait_until

pytest.importorskip("submitit", reason="submitit is in an environment of its own: make test-ray")
SCRIPT = Path(__file__).parent / "slurm_single_node.sh"
DAEMONS = ("slurmctld", "slurmd", "munged", "srun")
MISSING = [name for name in DAEMONS if shutil.which(name) is None]
HERE = ("executor=local", "poll=0.2")
QUICK = ("poll=0.5",)


def jobs_of(trials: list) -> set[str]:
    return {json.loads((trial.folder / JOB).read_text())["job"] for trial in trials}


def state_of(job: str) -> str:
    asked = ["squeue", "--noheader", "--format=%T", f"--jobs={job}"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def queued() -> set[str]:
    return set(subprocess.run(SQUEUE, capture_output=True, text=True, check=True).stdout.split())


def test_local_jobs_run_every_trial_once_and_leave_a_private_folder(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, 3)
    assert swept(trials, stub(tmp_path, 0.0), "slurm", *HERE, workers=2)[0]
    assert states(trials) == ["done"] * 3
    assert counted(tmp_path, "start") == {trial.cell: 1 for trial in trials}
    assert (tmp_path / "slurm").stat().st_mode & 0o077 == 0
    assert not leased(trials)


def test_what_a_detached_call_left_running_is_watched_and_not_submitted_again(tmp_path: Path) -> None:
    trials = trials_in(tmp_path, 2)
    finished, said = swept(trials, stub(tmp_path, 5.0), "slurm", *HERE, workers=2, detach=True)
    assert finished
    assert "2 jobs stay in the queue" in said
    jobs = jobs_of(trials)
    assert swept(trials, stub(tmp_path, 0.0), "slurm", *HERE, workers=2)[0]
    assert jobs_of(trials) == jobs
    assert states(trials) == ["done"] * 2
    assert counted(tmp_path, "start") == {"cell0": 1, "cell1": 1}


def test_a_request_to_stop_ends_local_jobs_and_the_next_call_continues(tmp_path: Path) -> None:
    trials, reader = trials_in(tmp_path, 2), RequestReader(tmp_path)

    def stop() -> None:
        wait_until(lambda: len(events(tmp_path)) == 2)
        (tmp_path / REQUEST_FILE).write_text(json.dumps({"wish": STOP}))

    user = threading.Thread(target=stop)
    user.start()
    finished, said = swept(trials, stub(tmp_path, 60.0), "slurm", *HERE, workers=2, request=reader)
    user.join()
    assert not finished
    assert "training jobs stop now" in said
    wait_until(lambda: states(trials) == ["pending"] * 2)
    (tmp_path / REQUEST_FILE).unlink()
    assert swept(trials, stub(tmp_path, 0.0), "slurm", *HERE, workers=2, request=reader)[0]
    assert states(trials) == ["done"] * 2


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real slurmctld, slurmd and munged with four processors, regardless of the machine."""
    if MISSING or os.geteuid() != 0:
        pytest.skip(
            f"a real Slurm takes root and {', '.join(MISSING) or 'its daemons'}: "
            "apt-get install --no-install-recommends slurmctld slurmd slurm-client munge"
        )
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run(
        [str(SCRIPT), "start", str(folder), "4"], stdout=subprocess.PIPE, text=True, check=True
    )
    os.environ["SLURM_CONF"] = started.stdout.strip()
    yield
    subprocess.run([str(SCRIPT), "stop", str(folder)], check=True)
    del os.environ["SLURM_CONF"]


def test_an_array_of_a_real_slurm_runs_every_trial_once(slurm: None, tmp_path: Path) -> None:
    small = Resources(memory_gb=0.5)
    trials = [replace(trial, resources=small) for trial in trials_in(tmp_path, 6)]
    assert swept(trials, stub(tmp_path, 0.5), "slurm", *QUICK, workers=3)[0]
    assert states(trials) == ["done"] * 6
    assert counted(tmp_path, "start") == {trial.cell: 1 for trial in trials}
    arrays = {job.split("_")[0] for job in jobs_of(trials)}
    assert len(arrays) == 1


def test_an_interrupted_watcher_leaves_the_jobs_and_the_next_call_submits_none_of_them(
    slurm: None, tmp_path: Path
) -> None:
    def interrupt() -> None:
        wait_until(lambda: bool(events(tmp_path)))
        os.kill(os.getpid(), signal.SIGTERM)  # as SIGINT, which background jobs ignore

    trials, user = trials_in(tmp_path, 6), threading.Thread(target=interrupt)
    user.start()
    finished, said = swept(trials, stub(tmp_path, 4.0), "slurm", *QUICK)
    user.join()
    assert not finished
    assert "jobs stay in the queue" in said
    jobs = jobs_of(trials)
    assert queued() & jobs
    assert swept(trials, stub(tmp_path, 4.0), "slurm", *QUICK)[0]
    assert jobs_of(trials) == jobs
    assert counted(tmp_path, "start") == counted(tmp_path, "end") == {trial.cell: 1 for trial in trials}


def test_what_waits_in_the_queue_after_a_request_to_stop_ends_untrained_as_soon_as_it_starts(
    slurm: None, tmp_path: Path
) -> None:
    trials, reader = trials_in(tmp_path, 6), RequestReader(tmp_path)

    def stop() -> None:
        wait_until(lambda: bool(events(tmp_path)))
        (tmp_path / REQUEST_FILE).write_text(json.dumps({"wish": STOP}))

    user = threading.Thread(target=stop)
    user.start()
    assert not swept(trials, stub(tmp_path, 60.0), "slurm", *QUICK, workers=2, request=reader)[0]
    user.join()
    wait_until(lambda: not queued() & jobs_of(trials))
    assert states(trials) == ["pending"] * 6
    assert len(events(tmp_path)) <= 2
    (tmp_path / REQUEST_FILE).unlink()
    assert swept(trials, stub(tmp_path, 0.0), "slurm", *QUICK, request=reader)[0]
    assert states(trials) == ["done"] * 6


@pytest.mark.parametrize("how", ["preempted", "out of time"])
def test_a_requeued_job_continues_its_trial_and_no_failure_stays(
    slurm: None, tmp_path: Path, how: str
) -> None:
    def send_back() -> None:
        wait_until(lambda: bool(events(tmp_path)))
        (job,) = jobs_of(trials)
        if how == "preempted":
            subprocess.run(["scontrol", "requeue", job], check=True)
        else:  # the signal that Slurm sends before the limit; submitit then requests the requeue itself
            subprocess.run(["scancel", "--signal=USR2", job], check=True)
        wait_until(lambda: state_of(job) == "PENDING")  # Slurm holds it back for two minutes
        subprocess.run(["scontrol", "update", f"jobid={job}", "starttime=now"], check=False)

    trials, admin = trials_in(tmp_path, 1), threading.Thread(target=send_back)
    admin.start()
    assert swept(trials, stub(tmp_path, 6.0), "slurm", *QUICK)[0]
    admin.join()
    assert states(trials) == ["done"]
    assert counted(tmp_path, "start") == {"cell0": 2}
    assert counted(tmp_path, "end") == {"cell0": 1}
    assert len(jobs_of(trials)) == 1


def test_a_job_killed_on_its_node_is_submitted_again(slurm: None, tmp_path: Path) -> None:
    def kill() -> None:
        wait_until(lambda: bool(events(tmp_path)))
        (job,) = jobs_of(trials)
        subprocess.run(["scancel", "--signal=KILL", "--full", job], check=True)

    trials, admin = trials_in(tmp_path, 1), threading.Thread(target=kill)
    admin.start()
    finished, said = swept(trials, stub(tmp_path, 4.0), "slurm", *QUICK)
    admin.join()
    assert finished
    assert states(trials) == ["done"]
    assert counted(tmp_path, "end") == {"cell0": 1}
    assert said.startswith("lost    arm0 seed 0")


def test_what_slurm_refuses_is_one_sentence(slurm: None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sbatch refused the trials: .*nvalid partition"):
        swept(trials_in(tmp_path, 2), stub(tmp_path, 0.0), "slurm", "partition=nowhere")
    assert not events(tmp_path)
