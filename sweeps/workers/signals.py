"""Stop signals, counted rather than raised: an exception between two statements could lose a subprocess.

Also runs one subprocess in the foreground: it shares our output, and a stop signal ends both without a traceback.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stops:
    """The number of stop signals received inside `heard`, which must be entered from the main thread."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Count the signals that arrive inside the `with` block. A signal that is already ignored, as under nohup, stays ignored."""

        def count(number: int, frame: object) -> None:
            self.count += 1

        heard = [number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, count) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


POLL = 0.1
"""Seconds between checks of the subprocess."""
INTERRUPTED = 130


def run_in_foreground(command: Sequence[str]) -> int:
    """Run to the end and return the exit status, negative if a signal ended it; INTERRUPTED after a signal to this process.

    The subprocess is signaled to stop at the first signal and killed at the second. It has its own session, because a
    terminal's interrupt would otherwise reach it too, as an exception in the middle of its imports.
    """
    stops, passed_on = Stops(), 0
    with (
        stops.heard(),
        subprocess.Popen(list(command), stdin=subprocess.DEVNULL, start_new_session=True) as process,
    ):
        while process.poll() is None:
            if stops.count > passed_on:
                passed_on = stops.count
                _signal_group(process, signal.SIGTERM if passed_on == 1 else signal.SIGKILL)
            time.sleep(POLL)
    return INTERRUPTED if stops.count else process.returncode


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # the whole group has already ended
        os.killpg(process.pid, number)
