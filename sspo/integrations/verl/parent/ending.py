"""How a job ended: as it says itself in outcome.json, or as the end of its output shows."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from sspo.errors import RunFailed, UserError
from sspo.integrations.verl.names import DIVERGED, DONE, FAILED_ANSWER, OUTCOME, REFUSED
from sspo.integrations.verl.parent.keeper import SIGNALED
from sspo.integrations.verl.parent.launch import OUTPUT

TAIL = 1 << 16
"""Bytes of the output in which the reason is looked for."""
KEPT = 60
"""Lines of the output that a failed run's marker keeps."""
OUT_OF_MEMORY = (
    "OutOfMemoryError",
    "CUDA out of memory",
    "out of memory",
    "running low on memory",
    "DefaultCPUAllocator",
    "Cannot allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "No available memory for the cache blocks",
)
"""Words of torch, CUDA, the system, Ray and vLLM."""
KILLED = (
    "ActorDiedError",
    "ActorUnavailableError",
    "WorkerCrashedError",
    "NodeDiedError",
    "OwnerDiedError",
    "EngineDeadError",
    "SIGKILL",
    "raylet died",
)
"""Words of Ray and vLLM for a process that ended before its time."""
PREFIX = re.compile(r"\x1b\[[0-9;]*m|^(\([^)]*pid=[^)]*\)\s*)+")
"""Colors, and the process that Ray names before a line."""
TELLING = re.compile(r"^(error: |[\w.]*(Error|Exception|Died|Interrupt)\b)")
"""The line of a traceback, or of a command, that names the error."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A job's own words."""

    reason: str
    message: str


def clear(folder: Path) -> None:
    """Forget how an earlier job ended."""
    for name in (OUTCOME, FAILED_ANSWER):
        (folder / name).unlink(missing_ok=True)


def outcome_of(folder: Path, status: int) -> Outcome:
    """Return the outcome of a job that ended by itself, done or diverged. Raises UserError if it was refused, and RunFailed for
    everything else.
    """
    said = _said(folder)
    if said is not None and said.reason in (DONE, DIVERGED):
        return said
    if said is not None and said.reason == REFUSED:
        raise UserError(said.message)
    lines = last_lines(folder)
    raise failure(lines, status, said.message if said is not None else "", folder / OUTPUT)


def failure(lines: list[str], status: int, message: str, output: Path) -> RunFailed:
    """Return the named failure of a job with these last lines of output, this exit status and, if it gave one, this message."""
    # where the job says why, other lines may hold such words without being the reason
    errors = [line for line in lines if TELLING.match(line)]
    text, tail = "\n".join([*(errors if message else lines), message]), "\n".join(lines[-KEPT:])
    line = message or _telling(lines)
    shown = f" ({line})" if line else ""
    last = f" ({line or lines[-1]})" if line or lines else ""
    if any(word in text for word in OUT_OF_MEMORY):
        return RunFailed(
            "oom",
            f"out of memory in verl's job{shown}: lower trainer.micro_batch_tokens, raise run.gpus, or set offloading and "
            f"actor_rollout_ref.rollout.gpu_memory_utilization in trainer.verl; its output is {output}",
            tail,
        )
    if status == SIGNALED + 9 or any(word in text for word in KILLED):
        return RunFailed(
            "killed",
            f"a process of verl's job was killed{shown}; the same command resumes from its last checkpoint, and its output is {output}",
            tail,
        )
    return RunFailed("error", f"verl's job ended with status {status}{last}; its output is {output}", tail)


def silent(folder: Path, seconds: float) -> RunFailed:
    """Return the failure of a job that was stopped because it wrote nothing."""
    return RunFailed(
        "timeout",
        f"verl's job wrote nothing for run.silence={seconds:g} seconds and was stopped; the same command resumes from its last checkpoint, "
        f"and its output is {folder / OUTPUT}",
        "\n".join(last_lines(folder)[-KEPT:]),
    )


def last_lines(folder: Path) -> list[str]:
    """Return the last lines of a job's output, without colors and Ray's prefixes."""
    path = folder / OUTPUT
    if not path.is_file():
        return []
    with path.open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
        text = stream.read().decode(errors="replace")
    cleaned = (PREFIX.sub("", PREFIX.sub("", line)).rstrip() for line in text.splitlines())
    return [line for line in cleaned if line]


def _telling(lines: list[str]) -> str:
    """Return the last line that names an error; empty if none does."""
    return next((line for line in reversed(lines) if TELLING.match(line)), "").removeprefix("error: ")


def _said(folder: Path) -> Outcome | None:
    try:
        content = json.loads((folder / OUTCOME).read_text(encoding="utf-8"))
        return Outcome(reason=str(content["reason"]), message=str(content["message"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
