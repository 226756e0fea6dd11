"""Processor seconds and memory of one answer, kept by the kernel: nothing here looks at a clock on the wall.

A timer over the process's own processor time sends SIGPROF, and nobody handles it, so that it kills even in the middle of a
C call that looks for no signals. RLIMIT_CPU would count all answers of the process together.

An allocation that fails is an exception, and math-verify goes on after most exceptions as if a comparison had failed. So
allocations fail at twice the memory that an answer may add to the process, and whether more than once of it was taken is
asked afterwards. What goes unseen is a single allocation that is larger than all of that at once.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OUT_OF_TIME = signal.SIGPROF
"""What kills a process whose answer took its processor seconds."""
STATUS = Path("/proc/self/status")


@dataclass
class Taken:
    """Whether an answer took more memory than it may; known when it ends."""

    too_much: bool = False


def settle() -> None:
    """Once in the process that grades: no file is written, no core is dumped, the timer kills."""
    signal.signal(OUT_OF_TIME, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [OUT_OF_TIME])
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def limited(cpu_seconds: float, memory_mb: int) -> Iterator[Taken]:
    """The process dies of OUT_OF_TIME after so many processor seconds inside."""
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
    """Megabytes of this process: VmSize its addresses, VmPeak the most they ever were, VmRSS what is resident."""
    text = STATUS.read_text(encoding="ascii")
    start = text.index(f"{kind}:") + len(kind) + 1
    return int(text[start : text.index("kB", start)]) / 1024
