"""One worker: a subprocess that trains one trial, its limits, its log, its lease and its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sspo.runs import fence
from sspo.runs.epochs import order_name
from sspo.runs.fence import LEFT, HeldLease, LeaseLost
from sspo.runs.runlog import DONE, FAILED, unmark_failed
from sweeps.ledger import leases
from sweeps.ledger.machine import resident_bytes
from sweeps.ledger.state import read_json
from sweeps.plan.plan import Trial
from sweeps.study.limits import GIGABYTE, LOST
from sweeps.workers.attempts import attempts_folder, conclude_attempt, current_attempt
from sweeps.workers.exits import log_tail, why_failed

LOG = "log.txt"
GRACE = 10.0
"""Seconds between signaling a trial to stop and killing it."""
MEMORY_LOOK = 0.5
"""Seconds between checks of a trial's memory."""
LAUNCH = (sys.executable, "-S", str(Path(__file__).with_name("launch.py")))
PLAIN = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z./][\w./-]*", re.ASCII | re.IGNORECASE)
Command = Callable[[Trial], Sequence[str]]


def train_command(study: str) -> Command:
    """Return a function that makes the command line of a trial."""

    def command(trial: Trial) -> list[str]:
        sweep = [f"seed={trial.seed}", f"run.store={quoted(str(trial.store))}"]
        limits = [f"run.threads={trial.resources.threads}", *trial.resources.overrides()]
        names = [*limits, f"run.study={quoted(study)}", f"run.arm={quoted(trial.arm)}"]
        names.append(f"run.epoch={order_name(trial.level)}")
        return [sys.executable, "-m", "sspo.train", *trial.overrides, *sweep, *names]

    return command


def quoted(value: str) -> str:
    """Quote a string so that Hydra's override grammar reads it back verbatim, without interpolation."""
    if PLAIN.fullmatch(value):
        return value
    literal = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    escaped = re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), literal)
    return f"'{escaped}'"


class Worker:
    """A running trial, whose lease this process holds. Call `ended` about every second: that keeps the lease.

    The trial ends with the thread that creates the worker. After `settle` it is over, or pending if it is to be retried; see
    the ledger.
    """

    def __init__(
        self,
        trial: Trial,
        command: Sequence[str],
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        """Start the trial. `timeout`, in seconds, overrides the trial's own limit; `environment` is added to this process's.

        Raises LeaseLost if another process has taken the trial over.
        """
        self.trial = trial
        self.folder = attempts_folder(trial.folder)
        self.lease = current_attempt(trial.folder)
        self.timeout = timeout if timeout is not None else trial.resources.timeout
        self.started = time.monotonic()
        self.stop_asked: float | None = None
        self.lost = False
        """True if another worker has taken the trial over because this one's heartbeat stopped."""
        self._over_memory: int | None = None
        self._beaten = self._weighed = self.started
        with fence.under(self._held()), _deletion_seen():
            unmark_failed(trial.folder)
            self._launch(command, {**os.environ, **self._environment(), **(environment or {})})
            self._share_lease()

    def ended(self) -> bool:
        """Return whether the process has ended. Stops it if it exceeds a limit or its lease is lost."""
        if self.process.poll() is not None:
            return True
        now = time.monotonic()
        self._keep_lease(now)
        self._weigh(now)
        if self.stop_asked is not None:
            if now - self.stop_asked > GRACE:
                self.signal(signal.SIGKILL)
        elif self.timeout is not None and now - self.started > self.timeout:
            self.stop_asked = now
            self.signal(signal.SIGTERM)
        return False

    def signal(self, number: signal.Signals) -> None:
        """Signal the trial and all processes that it started."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return  # the whole group has already ended

    def settle(self) -> None:
        """After the end: record in the run folder how the trial ended, and release the lease.

        A trial that may be retried is left without a marker. Raises UserError if the disk is full. Nothing is written if the trial
        was taken over.
        """
        self.signal(signal.SIGKILL)
        self._unless_lost(lambda: conclude_attempt(self.trial, self.lease, *self._ending()))

    def abandon(self) -> None:
        """After an interrupt: leave no failure marker, so that the next sweep continues the trial."""
        self._kill()
        self._unless_lost(self._interrupted)

    def _interrupted(self) -> None:
        folder = self.trial.folder
        failed = read_json(folder / FAILED)
        if failed is not None and failed.get("reason") == "killed":
            unmark_failed(folder)
        outcome = "done" if (folder / DONE).is_file() else "interrupted"
        leases.end(self.folder, self.lease, outcome)

    def _unless_lost(self, write: Callable[[], None]) -> None:
        """Call `write` under the fence, which checks the lease before every write; nothing is written if the lease is lost."""
        try:
            with fence.under(self._held()), _deletion_seen():
                fence.check()
                write()
        except LeaseLost:
            self.lost = True

    def _ending(self) -> tuple[str, str, str]:
        """Return (reason, message, end of the log) if the trial left no marker that counts; the reason is empty if it did."""
        timed_out = self.timeout if self.stop_asked is not None else None
        marked = (self.trial.folder / FAILED).is_file()
        if timed_out is None and self._over_memory is None and marked:
            return "", "", ""
        tail = log_tail(self._log())
        if self._over_memory is not None:
            used, limit = self._over_memory / GIGABYTE, self.trial.resources.memory_gb
            return "oom", f"stopped by the sweep: it held {used:.2g} GB, and its limit is {limit:g} GB", tail
        if timed_out is None and self.process.returncode == LEFT:
            return LOST, "the trial stopped because it could not confirm its lease", tail
        return (*why_failed(self.process.returncode, tail, timed_out), tail)

    def _environment(self) -> dict[str, str]:
        threads = str(self.trial.resources.threads)
        return {
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "OMP_WAIT_POLICY": os.environ.get(
                "OMP_WAIT_POLICY", "PASSIVE"
            ),  # a spinning thread takes a core from another trial
            **self._held().environment(),
        }

    def _held(self) -> HeldLease:
        return leases.held(self.folder, self.lease)

    def _launch(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        log = self.trial.folder / LOG
        self._log_start = log.stat().st_size if log.is_file() else 0
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [*LAUNCH, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    def _keep_lease(self, now: float) -> None:
        if now - self._beaten < leases.HEARTBEAT:
            return
        self._beaten = now
        if not leases.heartbeat(self.folder, self.lease):
            self.signal(signal.SIGKILL)

    def _weigh(self, now: float) -> None:
        limit = self.trial.resources.memory_bytes()
        if now - self._weighed < MEMORY_LOOK or self.trial.resources.memory_gb is None:
            return
        self._weighed = now
        held = resident_bytes(self.process.pid)
        if held > limit:
            self._over_memory = held
            self.signal(signal.SIGKILL)

    def _share_lease(self) -> None:
        """Add the trainer to the lease; if that fails, kill the trainer, which must not train unsupervised."""
        try:
            self.lease = leases.share(self.folder, self.lease, self.process.pid)
        except BaseException:
            self._kill()
            raise

    def _kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()

    def _log(self) -> str:
        with (self.trial.folder / LOG).open("rb") as stream:
            stream.seek(self._log_start)
            return stream.read().decode("utf-8", errors="replace")


@contextmanager
def _deletion_seen() -> Iterator[None]:
    """Raise LeaseLost in place of FileNotFoundError if the run folder was deleted."""
    try:
        yield
    except FileNotFoundError:
        fence.check()
        raise
