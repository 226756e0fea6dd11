"""What `run` and `replay` share: options, trials through the pool under a view, and what is said when they are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from sspo.errors import UserError
from sweeps.board import Board, name
from sweeps.engines.engine import Setup
from sweeps.engines.table import DEFAULT_ENGINE, check_engine, open_engine
from sweeps.estimate import Pace
from sweeps.foreground import INTERRUPTED
from sweeps.ledger import standing
from sweeps.plan import Trial
from sweeps.view import View
from sweeps.worker import Command, train_command


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a sweep runs; no part of what it finds."""

    workers: int | None = None
    """Trials at a time; None for one a CUDA device, or one a processor where there is none."""
    retry_failed: bool = False
    timeout: float | None = None
    """Seconds after which a trial is stopped and counted as failed; None for no limit."""
    engine: str = DEFAULT_ENGINE
    engine_options: tuple[str, ...] = ()
    """`key=value` words for the engine."""
    detach: bool = False
    """Whether to leave once every trial is placed, where the engine runs them without us."""


def check_options(options: RunOptions) -> None:
    """Raise UserError for the first one that makes no sense."""
    if options.workers is not None and options.workers < 1:
        raise UserError(f"--workers must be at least 1, got {options.workers}")
    if options.timeout is not None and not options.timeout > 0:
        raise UserError(f"--timeout must be a positive number of seconds, got {options.timeout:g}")
    check_engine(options.engine, options.engine_options, detach=options.detach)


def missing_of(trials: Sequence[Trial], *, retry_failed: bool) -> list[Trial]:
    """Those that are still to run."""
    return [trial for trial in trials if not standing(trial.folder).over(retry_failed=retry_failed)]


def train(
    study: str, trials: Sequence[Trial], options: RunOptions, console: Console, command: Command | None
) -> bool:
    """Run what is missing of the trials under a view. False where a signal ended it early; UserError from the system."""
    setup = Setup(
        study=study,
        command=command or train_command(study),
        workers=options.workers,
        retry_failed=options.retry_failed,
        timeout=options.timeout,
        detach=options.detach,
    )
    try:
        with open_engine(options.engine, options.engine_options, setup) as engine:
            board = Board(workers=engine.workers, pace=Pace())
            with View(board, console):
                return engine.run(trials, board)
    except OSError as error:
        raise UserError(
            f"the sweep stopped because the system refused it something: {error}; mend that and run it again to continue"
        ) from error


def interrupted(console: Console) -> int:
    """Say how to go on after an interrupt. Returns the exit status."""
    console.print("interrupted: run the same command again to continue", soft_wrap=True)
    return INTERRUPTED


def placed(trials: Sequence[Trial], console: Console) -> int:
    """Say what is left to others, and how to come back to it. Returns the exit status."""
    left = len(missing_of(trials, retry_failed=False))
    text = f"{left} of {len(trials)} trials are placed; the same command without --detach watches them"
    console.print(text, soft_wrap=True, highlight=False)
    return 0


def conclude(trials: Sequence[Trial], console: Console) -> int:
    """Say what ended how. Returns 1 if any failed, else 0.

    A diverged run is a result: it was scored at its last finite checkpoint.
    """
    over = [(trial, now) for trial in trials if (now := standing(trial.folder)).state == "failed"]
    failed = [(trial, now) for trial, now in over if now.outcome == "failed"]
    diverged = len(over) - len(failed)
    counts = (
        f"{len(trials) - len(over)} of {len(trials)} trials done, {diverged} diverged, {len(failed)} failed"
    )
    console.print(counts, highlight=False)
    for trial, now in over:
        text = f"  {name(trial)}: {now.reason}, {now.message} ({trial.folder})"
        console.print(text, soft_wrap=True, highlight=False, markup=False)
    if failed:
        console.print(
            "run again with --retry-failed (make: RETRY=1) to try the failed ones once more", soft_wrap=True
        )
    return 1 if failed else 0
