"""Seconds by phase. Wall time lives in timing.jsonl alone, so that metrics can be compared bit for bit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Clock:
    """Accumulates seconds under the names of TIMING_KEYS."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def time(self, phase: str) -> Iterator[None]:
        """Add the duration of the block to `phase`."""
        start = time.perf_counter()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.perf_counter() - start

    def report(self, sampled_tokens: int, trained_tokens: int) -> dict[str, float]:
        """Seconds a phase and tokens a second, keyed by the glossary."""
        report = {f"seconds/{phase}": round(value, 4) for phase, value in self.seconds.items()}
        report["speed/sampled_tokens"] = round(sampled_tokens / self.seconds["rollout"], 1)
        report["speed/trained_tokens"] = round(trained_tokens / self.seconds["update"], 1)
        return report
