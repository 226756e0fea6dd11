"""Signals to stop, counted instead of raised: an exception between two statements could lose a subprocess."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stops:
    """How often this process was asked to stop while it listened. Listen from the main thread."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Count the signals that arrive inside the `with` block; whoever ignores one, as nohup does, means it."""

        def count(number: int, frame: object) -> None:
            self.count += 1

        heard = [number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        before = {number: signal.signal(number, count) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
