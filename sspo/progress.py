"""Progress of a run with an estimate of what is left: a live bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from sspo.metrics import Metric


class Progress:
    """Call begin once, advance after each rollout, and end last."""

    def __init__(self, name: str):
        self.name = name
        self.start = 0.0
        self.done_before = 0
        self.total = 0
        self.bar: RichProgress | None = None

    def begin(self, done: int, total: int) -> None:
        """`done` rollouts were finished by an earlier process."""
        self.start, self.done_before, self.total = time.monotonic(), done, total
        if sys.stdout.isatty():
            self.bar = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self.bar.add_task(self.name, total=total, completed=done)
            self.bar.start()
        elif done:
            print(f"{self.name}: continuing after rollout {done}/{total}", flush=True)

    def advance(self, done: int, metrics: Mapping[str, Metric]) -> None:
        """Rollout `done` is finished."""
        accuracy = metrics["rollout/accuracy"].value()
        if self.bar is not None:
            self.bar.update(
                self.bar.task_ids[0], completed=done, description=f"{self.name}  accuracy {accuracy:.2f}"
            )
            return
        elapsed = time.monotonic() - self.start
        left = elapsed / (done - self.done_before) * (self.total - done)
        print(
            f"{self.name}: rollout {done}/{self.total}  accuracy {accuracy:.3f}"
            f"  {elapsed:.0f} s, about {left:.0f} s left",
            flush=True,
        )

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self.bar is not None:
            self.bar.stop()
