"""Progress with an estimate of the time left: a live bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from sspo.metrics import Metric

Item = TypeVar("Item")
PLAIN_EVERY = 10.0
"""Seconds between lines of a counter without a terminal."""


class Counter:
    """A counter of equal pieces of work, for a `with` block: call it after each one, or with their number. It prints on
    stderr, as stdout is for results."""

    def __init__(self, name: str, total: int, *, done: int = 0, pieces: str = ""):
        """Begin at `done` of `total`: an earlier process did them at a speed of its own. `pieces` names the unit of the rate."""
        self.name = name
        self.total = total
        self.done = self.before = done
        self.pieces = pieces
        self.start = self.said = time.monotonic()
        self.bar = _bar(Console(stderr=True)) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        self.start = self.said = time.monotonic()
        if self.bar is not None:
            self.bar.add_task(self.name, total=self.total, completed=self.done)
            self.bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def __call__(self, pieces: int = 1) -> None:
        """Add pieces that are done."""
        self.done += pieces
        now = time.monotonic()
        rate = (self.done - self.before) / max(now - self.start, 1e-9)
        speed = f"{rate:.3g} {self.pieces}/s" if self.pieces else ""
        if self.bar is not None:
            said = f"{self.name}  {speed}" if speed else self.name
            self.bar.update(self.bar.task_ids[0], completed=self.done, description=said)
        elif now - self.said > PLAIN_EVERY:
            self.said = now
            left = f"about {(self.total - self.done) / rate:.0f} s left"
            parts = [f"{self.name}: {self.done}/{self.total}", *([speed] if speed else []), left]
            print(", ".join(parts), file=sys.stderr, flush=True)


def _bar(console: Console) -> RichProgress:
    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


class Progress:
    """Progress of a run: call begin once, advance after each rollout's updates, and end last; `scored` counts answers."""

    def __init__(self, name: str):
        self.name = name
        self.start = 0.0
        self.done_before = 0
        self.total = 0
        self.bar: RichProgress | None = None

    def begin(self, done: int, total: int) -> None:
        """Start after `done` rollouts, which an earlier process finished."""
        self.start, self.done_before, self.total = time.monotonic(), done, total
        if sys.stdout.isatty():
            self.bar = _bar(Console())
            self.bar.add_task(self.name, total=total, completed=done)
            self.bar.start()
        elif done:
            print(f"{self.name}: continuing after rollout {done}/{total}", flush=True)

    def advance(self, done: int, metrics: Mapping[str, Metric]) -> None:
        """Report that the updates of rollout `done` are made. The time left is that of rollouts, without evaluations."""
        accuracy = metrics["rollout/accuracy"].value()
        if self.bar is not None:
            self.bar.update(
                self.bar.task_ids[0],
                completed=done,
                description=f"{self.name}  training accuracy {accuracy:.2f}",
            )
            return
        elapsed = time.monotonic() - self.start
        left = elapsed / (done - self.done_before) * (self.total - done)
        print(
            f"{self.name}: rollout {done}/{self.total}  training accuracy {accuracy:.3f}  {elapsed:.0f} s"
            + (f", about {left:.0f} s to the last evaluation" if done < self.total else ""),
            flush=True,
        )

    def scored(self, rows: Iterable[Item], total: int) -> Iterator[Item]:
        """Yield the answers of an evaluation, `total` of them, and report progress if it takes long."""
        start = said = time.monotonic()
        task = None if self.bar is None else self.bar.add_task(f"{self.name}  held-out answers", total=total)
        for done, row in enumerate(rows, start=1):
            yield row
            now = time.monotonic()
            if self.bar is not None and task is not None:
                self.bar.update(task, completed=done)
            elif now - said > PLAIN_EVERY:
                said, left = now, (now - start) / done * (total - done)
                print(
                    f"{self.name}: {done}/{total} held-out answers, about {left:.0f} s left in this evaluation",
                    flush=True,
                )
        if self.bar is not None and task is not None:
            self.bar.remove_task(task)

    def warn(self, sentence: str | None) -> None:
        """Print a warning, if there is one, on stderr."""
        if sentence is not None:
            print(f"{self.name}: {sentence}", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Restore the terminal."""
        if self.bar is not None:
            self.bar.stop()
