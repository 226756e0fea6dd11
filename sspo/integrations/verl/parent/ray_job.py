"""A job on a Ray cluster, by the command `ray job` of verl's environment. The run folder is on a file system that both share."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sspo.errors import UserError
from sspo.integrations.verl.parent.environment import started_with

NOTE, OUTPUT = "ray_job.json", "job.log"
STATUS = re.compile(r"^.*Job '[^']*' (succeeded|was stopped|failed)$", re.MULTILINE)
ENDED = {"succeeded": 0, "was stopped": 143, "failed": 1}
"""Exit statuses, by Ray's words for a job that has ended."""
LOOKS = 10.0
"""Seconds between two questions to the cluster."""
PATIENCE = 120.0
"""Seconds for an answer of the cluster, and for a job to stop."""


class Cluster:
    """The jobs of a cluster."""

    def __init__(self, python: Path, address: str):
        self.ray = [str(python.parent / "ray"), "job"]
        self.address = address
        self.environment = started_with({}, python)

    def words(self, verb: str, *rest: str) -> list[str]:
        """Return a command."""
        return [*self.ray, verb, "--address", self.address, *rest]

    def ask(self, verb: str, *rest: str) -> str:
        """Return what a command printed. Raises UserError if it failed."""
        command = self.words(verb, *rest)
        try:
            done = subprocess.run(
                command, env=self.environment, capture_output=True, text=True, check=False, timeout=PATIENCE
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(
                f"run.ray_address={self.address}: `{shlex.join(command[:3])}` does not answer: {error}"
            ) from error
        if done.returncode:
            said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            raise UserError(
                f"run.ray_address={self.address}: `{shlex.join(command[:3])}` failed: {said[-1] if said else done.returncode}; set it to the "
                "address of the cluster's dashboard, such as http://HOST:8265, or to null"
            )
        return done.stdout + done.stderr

    def status(self, name: str) -> int | None:
        """Return a job's exit status, or None while it waits or runs."""
        found = STATUS.search(self.ask("status", name))
        return None if found is None else ENDED[found[1]]

    def stop(self, name: str) -> None:
        """Stop a job and wait for its end."""
        self.ask("stop", name)
        end = time.monotonic() + PATIENCE
        while self.status(name) is None and time.monotonic() < end:
            time.sleep(1.0)


class RayJob:
    """A job that was submitted. Its output is copied into the run folder as it comes."""

    def __init__(
        self,
        python: Path,
        address: str,
        folder: Path,
        command: Sequence[str],
        variables: Mapping[str, str],
    ):
        self.cluster = Cluster(python, address)
        self.folder = folder
        self.name = _next_name(folder)
        given = {name: value for name, value in variables.items() if value}
        # verl's own options may name files of the user's folder; the job would begin in one of Ray's
        entry = f"cd {shlex.quote(str(Path.cwd()))} && exec {shlex.join(command)}"
        self.cluster.ask(
            "submit", "--submission-id", self.name, "--no-wait", "--runtime-env-json", json.dumps({"env_vars": given}), "--", "bash", "-c", entry,
        )  # fmt: skip
        self.ended: int | None = None
        self.looked = 0.0
        self.copying: subprocess.Popen[bytes] | None = None

    def status(self) -> int | None:
        """See Job."""
        if self.ended is None and time.monotonic() - self.looked > LOOKS:
            self.looked = time.monotonic()
            with suppress(UserError):  # a cluster that does not answer for long is silent
                self.ended = self.cluster.status(self.name)
            self._copy()
            if self.ended is not None:
                self._end_copy(PATIENCE)
        return self.ended

    def stop(self) -> None:
        """See Job."""
        self._end_copy(0.0)
        if self.ended is None:
            with suppress(UserError):  # the next start stops it
                self.cluster.stop(self.name)

    def _copy(self) -> None:
        """Copy the job's output from its beginning, unless a copy is under way."""
        if self.copying is not None and self.copying.poll() is None:
            return
        with (self.folder / OUTPUT).open("wb") as stream:
            self.copying = subprocess.Popen(
                self.cluster.words("logs", "--follow", self.name),
                env=self.cluster.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def _end_copy(self, patience: float) -> None:
        if self.copying is None:
            return
        try:
            self.copying.wait(patience)
        except subprocess.TimeoutExpired:
            self.copying.kill()
            self.copying.wait()


def stop_earlier(python: Path, address: str, folder: Path) -> None:
    """Stop the last job of the run, if it still runs. Raises UserError."""
    number = _attempts(folder)
    if not number:
        return
    cluster, name = Cluster(python, address), _name(folder, number)
    try:
        running = cluster.status(name) is None
    except UserError as error:
        if "does not exist" in str(error) or "not found" in str(error).lower():
            return  # the cluster was started anew
        raise
    if running:
        cluster.stop(name)


def _attempts(folder: Path) -> int:
    note = folder / NOTE
    return int(json.loads(note.read_text(encoding="utf-8"))["attempt"]) if note.is_file() else 0


def _next_name(folder: Path) -> str:
    attempt = _attempts(folder) + 1
    (folder / NOTE).write_text(
        json.dumps({"attempt": attempt, "id": _name(folder, attempt)}), encoding="utf-8"
    )
    return _name(folder, attempt)


def _name(folder: Path, attempt: int) -> str:
    digest = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    return f"sspo-{digest}-{attempt}"
