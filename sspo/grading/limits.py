"""Processor seconds and memory of one answer, kept by the kernel: nothing here looks at a clock on the wall.

A timer over the process's own processor time sends SIGPROF, and nobody handles it, so that it kills even in the middle of a
C call that looks for no signals. RLIMIT_CPU would count all answers of the process together. Memory is what an answer may
add to the process.
"""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUT_OF_TIME = signal.SIGPROF
"""What kills a process whose answer took its processor seconds."""
PAGE = resource.getpagesize()
STATM = Path("/proc/self/statm")


def settle() -> None:
    """Once in the process that grades: no file is written, no core is dumped, the timer kills."""
    signal.signal(OUT_OF_TIME, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [OUT_OF_TIME])
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def limited(cpu_seconds: float, memory_mb: int) -> Iterator[None]:
    """The process dies of OUT_OF_TIME after so many processor seconds inside; an allocation that adds more memory fails."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_pages(0) * PAGE + (memory_mb << 20), most))
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def resident_mb() -> float:
    """Memory that the process holds."""
    return _pages(1) * PAGE / (1 << 20)


def _pages(column: int) -> int:
    """A column of /proc/self/statm: 0 the address space, 1 what is resident."""
    return int(STATM.read_text().split()[column])
