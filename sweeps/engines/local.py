"""The engine of one machine: the worker pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sweeps.board import Board
from sweeps.devices import default_workers, visible_devices
from sweeps.engines.engine import Engine, Setup
from sweeps.engines.options import Options
from sweeps.plan import Trial
from sweeps.pool import Pool


class Local:
    """A pool of subprocesses, one CUDA device each where there are any."""

    def __init__(self, setup: Setup):
        self.setup = setup
        self.devices = visible_devices()
        self.workers = setup.workers or default_workers(self.devices)

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run what the ledger does not show as finished. False where a signal ended it early."""
        setup = self.setup
        pool = Pool(
            board,
            setup.command,
            retry_failed=setup.retry_failed,
            timeout=setup.timeout,
            devices=self.devices,
        )
        return pool.run(trials)


@contextmanager
def opened(setup: Setup, options: Options) -> Iterator[Engine]:
    """The pool; it has no options of its own."""
    yield Local(setup)
