"""One worker: a subprocess that trains one trial, its log, its claim and its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from sspo.runlog import DONE, FAILED, mark_failed
from sweeps.claims import CLAIM, Claim, acquire, hand_over, release
from sweeps.exits import log_tail, why_failed
from sweeps.ledger import read_json
from sweeps.plan import Trial

LOG = "log.txt"
GRACE = 10.0
"""Seconds between asking a trial to stop and killing it."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PLAIN = re.compile(r"[A-Za-z./][\w./-]*")
Command = Callable[[Trial], Sequence[str]]


def train_command(study: str) -> Command:
    """The command line of a trial."""

    def command(trial: Trial) -> list[str]:
        sweep = [f"seed={trial.seed}", f"run.store={quoted(str(trial.store))}", "run.threads=1"]
        names = [f"run.study={study}", f"run.arm={trial.arm}"]
        return [sys.executable, "-m", "sspo.train", *trial.overrides, *sweep, *names]

    return command


def quoted(value: str) -> str:
    """A string as Hydra's override grammar reads it back."""
    if PLAIN.fullmatch(value):
        return value
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"


class Worker:
    """A running trial, which this process holds the claim of."""

    def __init__(
        self,
        trial: Trial,
        command: Sequence[str],
        timeout: float | None,
        environment: Mapping[str, str] | None = None,
    ):
        (trial.folder / FAILED).unlink(missing_ok=True)
        self.trial = trial
        self.timeout = timeout
        self.started = time.monotonic()
        self.stop_asked: float | None = None
        log = trial.folder / LOG
        self._log_start = log.stat().st_size if log.is_file() else 0
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ONE_THREAD, **(environment or {})},
                start_new_session=True,
            )
        self._hand_over()

    def ended(self) -> bool:
        """Whether the process is gone; stops it first where its time is up."""
        if self.process.poll() is not None:
            return True
        now = time.monotonic()
        if self.stop_asked is not None:
            if now - self.stop_asked > GRACE:
                self.signal(signal.SIGKILL)
        elif self.timeout is not None and now - self.started > self.timeout:
            self.stop_asked = now
            self.signal(signal.SIGTERM)
        return False

    def signal(self, number: signal.Signals) -> None:
        """Signal the trial with all that it started."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return  # the whole group has ended, which is what a signal is for

    def settle(self) -> None:
        """After the end: see that the run folder has a marker, and give the claim back."""
        folder = self.trial.folder
        self.signal(signal.SIGKILL)
        timed_out = self.timeout if self.stop_asked is not None else None
        if not (folder / DONE).is_file() and (timed_out is not None or not (folder / FAILED).is_file()):
            tail = log_tail(self._log())
            mark_failed(folder, *why_failed(self.process.returncode, tail, timed_out), tail)
        release(folder / CLAIM)

    def abandon(self) -> None:
        """After an interrupt: leave no failure behind, so that the next sweep continues the trial."""
        folder = self.trial.folder
        self._kill()
        failed = read_json(folder / FAILED)
        if failed is not None and failed.get("reason") == "killed":
            (folder / FAILED).unlink()
        release(folder / CLAIM)

    def _hand_over(self) -> None:
        """Let the claim follow the trainer; where that fails the trainer must not train on with nobody to watch it."""
        claim = self.trial.folder / CLAIM
        try:
            hand_over(claim, self.process.pid)
        except BaseException:
            self._kill()
            release(claim)
            raise

    def _kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()

    def _log(self) -> str:
        with (self.trial.folder / LOG).open("rb") as stream:
            stream.seek(self._log_start)
            return stream.read().decode("utf-8", errors="replace")


def claim_trial(trial: Trial) -> Claim | None:
    """Claim a trial's folder for this process; the live holder where another process has it."""
    return acquire(trial.folder / CLAIM)
