"""The start of a job, in place or on a Ray cluster, and what is known of it while it runs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from sspo.config import TrainConfig
from sspo.errors import UserError
from sspo.integrations.verl.parent import keeper
from sspo.integrations.verl.parent.environment import Environment, elsewhere, started_with
from sspo.integrations.verl.parent.ray_job import RayJob, stop_earlier

MODULE = "sspo.integrations.verl"
OUTPUT, LOCK = "job.log", "job.lock"
EARLIER = 60.0
"""Seconds for the job of a killed process to end."""
PAUSE = 0.1


class Job(Protocol):
    """A job that was started."""

    def status(self) -> int | None:
        """Return the job's exit status, or None while it runs."""
        ...

    def stop(self) -> None:
        """End the job with everything that it started, if it still runs."""
        ...


class InPlace:
    """A job on this machine, behind its keeper."""

    def __init__(self, command: Sequence[str], folder: Path, variables: dict[str, str]):
        self.process = subprocess.Popen(
            [sys.executable, "-P", keeper.__file__, str(folder / OUTPUT), str(folder / LOCK), *command],
            env=variables,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's interrupt reaches this process alone, which then stops the job
        )

    def status(self) -> int | None:
        """See Job."""
        found = self.process.poll()
        return keeper.SIGNALED - found if found is not None and found < 0 else found

    def stop(self) -> None:
        """See Job."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(keeper.GRACE + EARLIER)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def prepare(config: TrainConfig, folder: Path, environment: Environment) -> None:
    """Make sure that no earlier job writes into the folder: a killed process may have left one. Raises UserError."""
    if elsewhere(config):
        stop_earlier(environment.python, str(config.run.ray_address), folder)
        return
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        end = time.monotonic() + EARLIER
        while not _free(handle):
            if time.monotonic() > end:
                raise UserError(
                    f"an earlier job of this run still runs after {EARLIER:g} seconds: end the process that holds {folder / LOCK}, then "
                    "repeat this command"
                )
            time.sleep(PAUSE)
    finally:
        os.close(handle)


def _free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


@contextmanager
def started(
    config: TrainConfig, folder: Path, environment: Environment, words: Sequence[str]
) -> Iterator[Job]:
    """Start a job with verl's options, and end it with the block, however that ends."""
    (folder / OUTPUT).unlink(missing_ok=True)
    command = [str(environment.python), "-m", MODULE, *words]
    variables = environment.variables(config)
    job: Job
    if elsewhere(config):
        job = RayJob(environment.python, str(config.run.ray_address), folder, command, variables)
    else:
        job = InPlace(command, folder, started_with(variables, environment.python))
    try:
        yield job
    finally:
        with suppress(ProcessLookupError):
            job.stop()
