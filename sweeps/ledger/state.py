"""The ledger: the state of a trial, derived from its run folder alone. Only a marker means finished, never a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.config.json_file import read_object
from sspo.errors import UserError
from sspo.runs.epochs import described
from sspo.runs.identity import other_folders
from sspo.runs.runlog import DONE, FAILED
from sweeps.ledger.leases import newest

ATTEMPTS = "attempts"
"""The folder of a run's leases, one an attempt."""

STATES = ("done", "running", "failed", "pending")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a trial stands. `reason`, `message` and `log_tail` belong to a failed one, `seconds` to a done one."""

    state: str
    reason: str = ""
    message: str = ""
    log_tail: str = ""
    seconds: float | None = None
    attempt: int = 0
    """How many times it has been started."""
    host: str = ""
    """Where it runs."""
    stale: str = ""
    """Of a pending one: the code, in words, that has finished it with other numbers than this code would give."""

    @property
    def outcome(self) -> str:
        """The state, or `diverged` for a trial that failed so, or `stale` for one that other code has finished."""
        if self.state == "pending" and self.stale:
            return "stale"
        return "diverged" if self.state == "failed" and self.reason == "diverged" else self.state

    def over(self, *, retry_failed: bool = False) -> bool:
        """Whether the trial is not to run again. A divergence is a result: to retry it would select on the outcome."""
        return self.outcome in ("done", "diverged") or (self.state == "failed" and not retry_failed)


def standing(folder: Path) -> Standing:
    """The state of the trial in `folder`: done, running (a lease whose end is not known), failed, or pending (new,
    interrupted, to be tried again, or with a failure that its worker did not live to judge).
    """
    done = read_json(folder / DONE)
    if done is not None:
        return Standing(state="done", seconds=_number(done.get("seconds")))
    lease = newest(attempts_folder(folder))
    attempt = 0 if lease is None else lease.number
    unjudged = lease is not None and not lease.outcome
    if lease is not None and unjudged and not lease.holder_gone():
        return Standing(state="running", attempt=attempt, host=lease.host)
    failed = read_json(folder / FAILED)
    if failed is None or unjudged:
        return Standing(state="pending", attempt=attempt, stale=finished_by(folder))
    return Standing(
        state="failed",
        reason=str(failed.get("reason", "error")),
        message=str(failed.get("message", "")),
        log_tail=str(failed.get("log_tail", "")),
        attempt=attempt,
    )


def seen(folder: Path) -> Standing:
    """The state for a view of many trials: one with a damaged file has failed (broken), which names it, and hides no other."""
    try:
        return standing(folder)
    except UserError as error:
        return Standing(state="failed", reason="broken", message=str(error))


def finished_by(folder: Path) -> str:
    """The code of other numbers, in words, that has finished the run of this folder; empty where none has."""
    finished = [level for level, path in other_folders(folder).items() if (path / DONE).is_file()]
    return described(finished[-1]) if finished else ""


def attempts_folder(folder: Path) -> Path:
    """Where a run folder keeps its leases."""
    return folder / ATTEMPTS


def read_json(path: Path, remedy: str = "delete it to run its trial again") -> dict[str, Any] | None:
    """The object in a file, None where there is no file. Raises UserError, with a remedy, for one that makes no sense."""
    return read_object(path, remedy)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
