"""The recorded runs of a study: the run folder that a replay reads for each trial, trained if it does not exist yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError
from sspo.runs.runlog import RECORDING
from sweeps.control.sweep import RunOptions, missing_of, train
from sweeps.ledger.state import standing
from sweeps.ledger.store import check_store
from sweeps.plan.manifest import ordered
from sweeps.plan.plan import Plan, Trial
from sweeps.workers.worker import Command

STAND_INS = "recorded"
"""A store inside the store, for runs that are trained again because they ended without a recording."""


def recordings(trial: Trial) -> list[Path]:
    """Return the recorded rollouts of a trial, in order."""
    return sorted((trial.folder / RECORDING).glob("rollout*.parquet"))


def recorded_runs(
    plan: Plan, options: RunOptions, console: Console, command: Command | None
) -> list[Trial] | None:
    """Return the run to replay for every recorded trial, trained if it is missing; None after an interrupt.

    Raises UserError if a run is too short to record anything, or if the store cannot hold the missing runs.
    """
    _refuse_short_runs(plan)
    announced: list[Trial] = []
    while True:  # again after training: a run that another sweep finished meanwhile may have no recording
        runs = [_recorded_run(trial) for trial in plan.recorded_trials()]
        stand_ins = [run for run in runs if run.store != plan.store]
        if stand_ins != announced:
            _announce(stand_ins, console)
            announced = stand_ins
        missing = missing_of(runs, retry_failed=options.retry_failed)
        if not missing:
            return runs
        check_store(plan.store, len(missing))
        if not train(plan.study.name, ordered(plan, runs), options, console, command):
            return None
        options = replace(options, retry_failed=False)  # once each


def with_recordings(runs: Sequence[Trial], console: Console) -> list[Trial]:
    """Return the runs with something to replay, and print the others, which diverged early. Raises UserError if there are none."""
    usable = [run for run in runs if recordings(run)]
    for run in runs:
        if run not in usable:
            line = f"left out: {run.label} ended without any recorded rollout ({run.folder})"
            console.print(Text(line), soft_wrap=True)
    if not usable:
        raise UserError("there is nothing to replay: no run that was to be recorded has a recorded rollout")
    return usable


def _refuse_short_runs(plan: Plan) -> None:
    every = plan.study.head.replay.every
    for trial in plan.recorded_trials():
        if trial.rollouts < every:
            raise UserError(
                f"{plan.title()}, arm '{trial.arm}': a run of {trial.rollouts} rollouts records none of them while "
                f"replay.every is {every}; lower that in the study"
            )


def _recorded_run(trial: Trial) -> Trial:
    """Return the trial itself or, if it ended without a recording, its stand-in: the same cell and seed, trained again.

    A diverged run has ended too; its recording is what it recorded before.
    """
    ended = standing(trial.folder).outcome in ("done", "diverged")
    return replace(trial, store=trial.store / STAND_INS) if ended and not recordings(trial) else trial


def _announce(stand_ins: Sequence[Trial], console: Console) -> None:
    line = (
        f"ended without a recording: {', '.join(trial.label for trial in stand_ins)}; the same cell and seed is recorded in "
        f"{stand_ins[0].store} instead (on a CPU the same run bit for bit)"
    )
    console.print(Text(line), soft_wrap=True)
