"""What a trial's job tells of its course: log.jsonl, one JSON object a line, and the state that goes with each of verl's checkpoints.

The process that started the job follows the file and is the only writer of the run's own logs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sspo.metrics import Metric
from sspo.objective.clip_controller import ClipControl

LOG, STATE, RECORDINGS = "log.jsonl", "sspo.json", "recording"


@dataclass(frozen=True, kw_only=True)
class JobState:
    """A run's state beside what verl's checkpoint holds."""

    rollouts: int = 0
    steps: int = 0
    rollout0_sha256: str | None = None
    control: ClipControl = field(default_factory=ClipControl)


class JobEvents:
    """Appends to a job's log.jsonl. Every line is flushed."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / LOG

    def step(self, step: int, rollout: int, update: int, metrics: Mapping[str, Metric]) -> None:
        """Tell of one optimizer step: `step` counts from 1 over the run, `update` from 0 in its rollout."""
        values = {key: metric.value() for key, metric in metrics.items()}
        self.tell("step", step=step, rollout=rollout, update=update, values=values)

    def rollout(self, state: JobState, seconds: Mapping[str, float], warnings: Sequence[str]) -> None:
        """Tell of a rollout that ended."""
        told = asdict(state)
        del told["rollouts"]
        self.tell(
            "rollout", rollout=state.rollouts - 1, seconds=dict(seconds), warnings=list(warnings), **told
        )

    def tell(self, kind: str, **content: Any) -> None:
        """Append one line. Raises ValueError for a number that JSON lacks."""
        text = json.dumps({"kind": kind, **content}, allow_nan=False) + "\n"
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(text)

    def recording(self, name: str, content: bytes) -> None:
        """Write a recording's file, whole or not at all."""
        folder = self.folder / RECORDINGS
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}"
        temporary.write_bytes(content)
        os.replace(temporary, folder / name)

    def save(self, checkpoint: Path, state: JobState) -> None:
        """Write the state and the extent of the log into one of verl's checkpoints."""
        checkpoint.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as stream:
            os.fsync(stream.fileno())
            size = stream.tell()
        text = json.dumps({"log": size, **asdict(state)}, indent=1) + "\n"
        (checkpoint / STATE).write_text(text, encoding="utf-8")


def load_state(checkpoint: Path) -> JobState:
    """Return the state that goes with one of verl's checkpoints."""
    content = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    del content["log"]
    return JobState(**{**content, "control": ClipControl(**content["control"])})
