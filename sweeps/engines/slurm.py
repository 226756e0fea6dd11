"""The engine of a Slurm cluster: trials are elements of job arrays, submitted with submitit.

Jobs outlive the process that submitted them. The run folder records the job of its trial, so that no trial is submitted twice.
A job that reaches its time limit or is preempted is requeued, and its trial continues from its checkpoint.
"""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil  # type: ignore[import-untyped]

from sspo.errors import UserError
from sspo.runs.runlog import write_atomic
from sweeps.engines.cluster import Placing
from sweeps.engines.engine import Engine, Setup
from sweeps.engines.options import PARTING, UNLIMITED, Options, SlurmOptions
from sweeps.ledger.state import read_json
from sweeps.monitor.requests import STOP
from sweeps.plan.devices import processors, refuse_too_many_devices, visible_devices
from sweeps.plan.plan import Trial
from sweeps.workers.exits import log_tail
from sweeps.workers.order import Order, run_order
from sweeps.workers.signals import Stops

JOB = "job.json"
FOLDER = "slurm"
"""The folder in the store for submitit's files, including the logs of jobs."""
PRIVATE = 0o700
"""submitit reads jobs back with pickle, so no other user may write there."""
LONGEST_ARRAY = 1000
"""Slurm's own limit, unless a cluster sets another."""
GIB = 2**30
OWN_GIB = 0.5
"""Memory that a job takes besides its trial, so that the trial's worker detects an exceeded limit before the cluster does."""
PATIENCE = 120.0
"""Seconds that the queue may be unreachable."""
SQUEUE = ("squeue", "--me", "--noheader", "--array", "--format=%i")


class TrialJob:
    """The function that a job runs."""

    def __init__(self, order: Order):
        self.order = order

    def __call__(self) -> str:
        """Run the order and return how it ended."""
        return run_order(self.order)

    def checkpoint(self) -> Any:
        """Return the job that submitit requeues at the time limit: the same one, because the run folder holds the state."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@contextmanager
def opened(setup: Setup, options: Options, trials: Sequence[Trial]) -> Iterator[Engine]:
    """Open an engine that submits from this machine. `sbatch` refuses a trial that fits no node. If jobs are processes of this
    machine, raises UserError for a trial that requires more devices than it has."""
    chosen = cast(SlurmOptions, options)
    for trial in trials if chosen.executor == "local" else ():
        refuse_too_many_devices(trial.arm, trial.here, visible_devices())
    yield Placing(SlurmCluster(chosen, setup), setup)


class SlurmCluster:
    """Orders as Slurm jobs."""

    def __init__(self, options: SlurmOptions, setup: Setup):
        self.options = options
        self.room = (setup.workers or processors()) if options.executor == "local" else None
        self.setup = setup
        self.poll = options.poll
        self._answered = time.monotonic()
        self._logs: dict[str, Path] = {}

    def placed_before(self, trial: Trial) -> str | None:
        """Return the job that an earlier call submitted for the trial."""
        placed = read_json(trial.folder / JOB, "delete it to have the trial submitted again") or {}
        job = placed.get("job")
        if job is None or placed.get("executor") != self.options.executor:
            return None
        self._logs[str(job)] = _log(trial, str(job))
        return str(job)

    def place(self, orders: Sequence[Order]) -> Sequence[str]:
        """Submit arrays of at most LONGEST_ARRAY jobs with equal resources, and record each job in its trial's run folder."""
        alike: dict[tuple[Any, ...], list[int]] = {}
        for index, order in enumerate(orders):
            alike.setdefault(self._needs(order), []).append(index)
        tickets: dict[int, str] = {}
        for indices in alike.values():
            for start in range(0, len(indices), LONGEST_ARRAY):
                some = indices[start : start + LONGEST_ARRAY]
                jobs = self._submit([orders[index] for index in some])
                for index, job in zip(some, jobs, strict=True):
                    self._note(orders[index].trial, job)
                    tickets[index] = job
        return [tickets[index] for index in range(len(orders))]

    def live(self, tickets: Collection[str]) -> Collection[str]:
        """Return the tickets that are waiting or running; all of them while the queue does not answer, up to PATIENCE."""
        if self.options.executor == "local":
            return [ticket for ticket in tickets if _runs_here(int(ticket))]
        queried = subprocess.run(SQUEUE, capture_output=True, text=True, check=False)
        if queried.returncode == 0:
            self._answered = time.monotonic()
            return set(queried.stdout.split()) & set(tickets)
        if time.monotonic() - self._answered > PATIENCE:
            raise UserError(
                f"squeue has not answered for {PATIENCE:g} s ({_last_line(queried.stderr)}); the jobs continue: run the same "
                "command again to watch them"
            )
        return tickets

    def last_words(self, ticket: str) -> str:
        """Return the end of the job's log."""
        log = self._logs.get(ticket)
        tail = log_tail(log.read_text(encoding="utf-8", errors="replace")) if log and log.is_file() else ""
        return tail or f"Slurm job {ticket} left no log"

    def leave(self, tickets: Collection[str], stops: Stops) -> str:
        """Return a sentence on the queued jobs. None ends with this process; after a stop request, every job stops by itself."""
        if self.setup.request() == STOP:
            return (
                f"{len(tickets)} jobs are in the queue: training jobs stop now, waiting jobs end as soon as they start; "
                f"`scancel --name {self._name()}` removes them"
            )
        return (
            f"{len(tickets)} jobs stay in the queue; the same command resumes watching them, and "
            f"`scancel --name {self._name()}` ends them"
        )

    def _submit(self, orders: Sequence[Order]) -> list[str]:
        import submitit

        folder = _folder(orders[0].trial)
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        try:
            executor = submitit.AutoExecutor(
                folder, cluster=self.options.executor, slurm_max_num_timeout=self.options.requeues
            )
            executor.update_parameters(**self._parameters(orders))
            with executor.batch():
                jobs = [executor.submit(TrialJob(order)) for order in orders]
        except submitit.core.utils.FailedJobError as error:
            raise UserError(
                f"sbatch refused the trials: {_last_line(str(error))}; see --engine-option"
            ) from error
        return [job.job_id for job in jobs]

    def _needs(self, order: Order) -> tuple[int, int, float | None, int]:
        """Return (processors, devices, GiB, minutes) of the order's job."""
        resources, minutes = order.trial.here, self.options.minutes
        limit = resources.timeout if order.timeout is None else order.timeout
        if minutes is None:
            minutes = UNLIMITED if limit is None else math.ceil(limit / 60) + PARTING
        memory = None if resources.memory_gb is None else resources.memory_bytes() / GIB + OWN_GIB
        gpus = self.options.gpus if resources.gpus is None else resources.gpus
        return resources.threads, gpus, memory, minutes

    def _parameters(self, orders: Sequence[Order]) -> dict[str, Any]:
        options = self.options
        threads, gpus, memory, minutes = self._needs(orders[0])
        return {
            "name": self._name(),
            "timeout_min": minutes,
            "cpus_per_task": threads,
            "gpus_per_node": gpus or None,
            "mem_gb": memory,
            "stderr_to_stdout": True,
            "slurm_partition": options.partition,
            "slurm_account": options.account,
            "slurm_qos": options.qos,
            "slurm_constraint": options.constraint,
            "slurm_array_parallelism": self.setup.workers or len(orders),
        }

    def _name(self) -> str:
        return f"sspo-{self.setup.study}"

    def _note(self, trial: Trial, job: str) -> None:
        trial.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"executor": self.options.executor, "job": job})
        write_atomic(trial.folder / JOB, text + "\n")
        self._logs[job] = _log(trial, job)


def _folder(trial: Trial) -> Path:
    return trial.store.resolve() / FOLDER


def _log(trial: Trial, job: str) -> Path:
    return _folder(trial) / f"{job}_0_log.out"


def _runs_here(pid: int) -> bool:
    """Return whether a job of submitit's local executor runs: a process that has ended remains as our zombie."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "submitit.local._local" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _last_line(text: str) -> str:
    return "".join(text.strip().splitlines()[-1:])
