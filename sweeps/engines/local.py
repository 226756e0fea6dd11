"""The engine of one machine: the worker pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sspo.errors import UserError
from sweeps.engines.engine import Engine, Setup, refuse_too_wide
from sweeps.engines.options import Options
from sweeps.monitor.board import Board
from sweeps.plan.devices import default_workers, refuse_too_many_devices, visible_devices
from sweeps.plan.plan import Trial
from sweeps.workers.pool import Pool, most_threads


class Local:
    """A pool of subprocesses, each with its own CUDA devices if there are any."""

    def __init__(self, setup: Setup):
        self.setup = setup
        self.devices = visible_devices()
        self.workers = setup.workers or default_workers(self.devices)

    def run(self, trials: Sequence[Trial], board: Board) -> bool:
        """Run the trials that the ledger does not show as finished. Returns False if a signal or a request ended it early."""
        setup = self.setup
        pool = Pool(
            board,
            setup.command,
            timeout=setup.timeout,
            devices=self.devices,
            watch=setup.watch,
            request=setup.request,
        )
        return pool.run(trials)


@contextmanager
def opened(setup: Setup, options: Options, trials: Sequence[Trial]) -> Iterator[Engine]:
    """Open the pool, which has no options of its own. Raises UserError for a trial that takes more devices or slots than there are."""
    engine = Local(setup)
    for trial in trials:
        refuse_too_many_devices(trial.arm, trial.here, engine.devices)
        _refuse_too_few_slots(trial, engine)
        refuse_too_wide(trial, most_threads(engine.workers, engine.devices))
    yield engine


def _refuse_too_few_slots(trial: Trial, engine: Local) -> None:
    needed = trial.here.devices if engine.devices else 1
    if needed > engine.workers:
        raise UserError(
            f"arm '{trial.arm}' requires {needed} CUDA devices per trial and there are {engine.workers} slots; raise --workers (make: "
            f"WORKERS) to {needed} or more, or lower its resources.gpus in the study"
        )
