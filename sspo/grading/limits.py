"""Processor seconds and memory of one answer, enforced by the kernel: nothing here depends on wall time.

A timer over the process's own processor time sends SIGPROF, which has no handler, so that it kills even in the middle
of a C call that ignores signals. RLIMIT_CPU would count all answers of the process together.

An allocation that fails is an exception, and math-verify continues after most exceptions as if a comparison had failed.
Allocations therefore fail at twice the memory that an answer may add to the process, and whether the answer exceeded
its allowance is checked afterwards. A single allocation that is larger than all of that at once goes undetected.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OUT_OF_TIME = signal.SIGPROF
"""The signal that kills a process whose answer used up its processor seconds."""
STATUS = Path("/proc/self/status")


@dataclass
class Taken:
    """Record of whether an answer took more memory than it may; known when it ends."""

    too_much: bool = False


def settle() -> None:
    """Set up the process that grades: no file is written, no core is dumped, the timer kills."""
    signal.signal(OUT_OF_TIME, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [OUT_OF_TIME])
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def limited(cpu_seconds: float, memory_mb: int) -> Iterator[Taken]:
    """Kill the process with OUT_OF_TIME after the given processor seconds inside the `with` block."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    before, taken = memory("VmSize"), Taken()
    resource.setrlimit(resource.RLIMIT_AS, (int(before + 2 * memory_mb) << 20, most))
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield taken
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        taken.too_much = memory("VmPeak") > before + memory_mb


def memory(kind: str) -> float:
    """Return megabytes of this process: VmSize is its address space, VmPeak the maximum of that, VmRSS the resident
    part.
    """
    text = STATUS.read_text(encoding="ascii")
    start = text.index(f"{kind}:") + len(kind) + 1
    return int(text[start : text.index("kB", start)]) / 1024
