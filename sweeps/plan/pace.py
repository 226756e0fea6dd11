"""Time left of a sweep, estimated from the trials that have finished, and the progress of a running trial."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sspo.runs.runlog import METRICS
from sweeps.plan.plan import Trial

TAIL_BYTES = 16_384


@dataclass(frozen=True, kw_only=True)
class Left:
    """A trial that is waiting or running."""

    arm: str
    elapsed: float = 0.0
    """Seconds so far."""
    slots: int = 1
    """How many slots it takes."""


@dataclass(frozen=True)
class Pace:
    """Seconds of finished trials by arm. An arm is expected to take its own median, else the median of all."""

    seconds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def with_trial(self, trial: Trial, seconds: float | None) -> Pace:
        """Return the pace after one more finished trial; unchanged by one that trains nothing or did not record its time."""
        if seconds is None or trial.rollouts == 0:
            return self
        return Pace({**self.seconds, trial.arm: (*self.seconds.get(trial.arm, ()), seconds)})

    def expected(self, arm: str) -> float | None:
        """Return the expected seconds of a trial of the arm; None before any trial has finished."""
        known = self.seconds.get(arm) or tuple(value for values in self.seconds.values() for value in values)
        return statistics.median(known) if known else None

    def seconds_left(self, trials: Sequence[Left], slots: int) -> float | None:
        """Return the wall seconds until all of the trials are done. None before any trial has finished."""
        if not trials:
            return 0.0
        left: list[float] = []
        for trial in trials:
            expected = self.expected(trial.arm)
            if expected is None:
                return None
            left.append(max(expected - trial.elapsed, 0.0))
        return wall_seconds(left, [trial.slots for trial in trials], slots)


def wall_seconds(seconds: Sequence[float], widths: Sequence[int], slots: int) -> float:
    """Return a lower bound of the wall seconds until trials of these seconds and slots are all done."""
    work = sum(one * width for one, width in zip(seconds, widths, strict=True))
    return max(max(seconds, default=0.0), work / slots)


def rollouts_done(folder: Path) -> int:
    """Return how many rollouts a run's log covers, read from the end of the file; 0 before the first."""
    try:
        with (folder / METRICS).open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(size - TAIL_BYTES, 0))
            lines = stream.read().split(b"\n")
    except FileNotFoundError:
        return 0
    for line in reversed(lines[:-1]):  # the text after the last newline is still being written
        try:
            return int(json.loads(line)["rollout"]) + 1
        except ValueError:
            continue  # the read began inside a line
    return 0
