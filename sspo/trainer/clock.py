"""Seconds by phase. Wall time is only in timing.jsonl, so that metrics can be compared bit for bit."""

from __future__ import annotations

import contextlib
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

GIBIBYTE = 2**30
RESIDENT_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit in which the system counts resident memory."""
STATUS = Path("/proc/self/status")


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
        """Return seconds per phase, tokens per second and the peak memory so far, keyed by the glossary."""
        report = {f"seconds/{phase}": round(value, 4) for phase, value in self.seconds.items()}
        report["speed/sampled_tokens"] = round(sampled_tokens / self.seconds["rollout"], 1)
        report["speed/trained_tokens"] = round(trained_tokens / self.seconds["update"], 1)
        return report | _memory()


def _memory() -> dict[str, float]:
    """Return the peak GiB of this process, and of its CUDA device if it uses one."""
    found = {"memory/resident_peak": round(resident_peak() / GIBIBYTE, 3)}
    if torch.cuda.is_initialized():
        found["memory/device_peak"] = round(torch.cuda.max_memory_allocated() / GIBIBYTE, 3)
    return found


def resident_peak() -> int:
    """Return the peak bytes of this process. On Linux from /proc, because getrusage starts a child at its parent's
    peak.
    """
    if STATUS.is_file():
        said = STATUS.read_text(encoding="ascii", errors="replace")
        return int(said.partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RESIDENT_UNIT
