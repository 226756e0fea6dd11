"""The ledger: the state of a trial, derived from its run folder alone. Only a marker means finished; a folder alone does not."""

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
"""The folder of a run's leases, one per attempt."""

STATES = ("done", "running", "failed", "pending")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The state of a trial. `reason`, `message` and `log_tail` are set for a failed trial, `seconds` for a done one."""

    state: str
    reason: str = ""
    message: str = ""
    log_tail: str = ""
    seconds: float | None = None
    attempt: int = 0
    """How many times it has been started."""
    host: str = ""
    """The host on which it runs."""
    stale: str = ""
    """For a pending trial, the description of the code that finished it with numbers different from this code's."""

    @property
    def outcome(self) -> str:
        """Return the state, or `diverged` for a trial that failed by divergence, or `stale` for one that other code has finished."""
        if self.state == "pending" and self.stale:
            return "stale"
        return "diverged" if self.state == "failed" and self.reason == "diverged" else self.state

    def over(self, *, retry_failed: bool = False) -> bool:
        """Return whether the trial must not run again. A divergence is a result: a retry would select on the outcome."""
        return self.outcome in ("done", "diverged") or (self.state == "failed" and not retry_failed)


def standing(folder: Path) -> Standing:
    """Return the state of the trial in `folder`: done, running (a lease without a known end), failed, or pending (new,
    interrupted, to be retried, or failed with a worker that died before it could record that).
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
    """Return the state for a view of many trials: a damaged file shows as failed (broken) and does not hide other trials."""
    try:
        return standing(folder)
    except UserError as error:
        return Standing(state="failed", reason="broken", message=str(error))


def finished_by(folder: Path) -> str:
    """Return the description of the code with different numbers that has finished this folder's run; empty if there is none."""
    finished = [level for level, path in other_folders(folder).items() if (path / DONE).is_file()]
    return described(finished[-1]) if finished else ""


def attempts_folder(folder: Path) -> Path:
    """Return the folder of a run's leases."""
    return folder / ATTEMPTS


def read_json(path: Path, remedy: str = "delete it to run its trial again") -> dict[str, Any] | None:
    """Return the object in a file; None if there is no file. Raises UserError, with a remedy, for a damaged one."""
    return read_object(path, remedy)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
