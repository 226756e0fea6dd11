"""`sweeps run` of a study with `tune`: tune every arm on pilot seeds, choose its point, and then confirm all arms on fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError
from sweeps.control.restore import REPORTS, restore_committed
from sweeps.control.restored_tuning import restore_record
from sweeps.control.sweep import RunOptions, check_options, interrupted, missing_of, run_sweep
from sweeps.engines.engine import Setup
from sweeps.engines.registry import DEFAULT_ENGINE, open_engine
from sweeps.ledger.lock import alone
from sweeps.ledger.store import check_store, refuse_foreign
from sweeps.monitor.live_view import View
from sweeps.monitor.requests import RUN, control_folder, request_reader, write_request
from sweeps.monitor.tuning import chosen_table
from sweeps.plan.budget import check_budget
from sweeps.plan.devices import default_workers, visible_devices
from sweeps.plan.expected.holds import refuse_what_does_not_fit
from sweeps.plan.pace import Pace
from sweeps.plan.plan import Plan, make_plan
from sweeps.plan.registered import refuse_unamended
from sweeps.plan.sampling import refuse_unsampled
from sweeps.search.board import SearchBoard
from sweeps.search.spec import Search
from sweeps.search.stream import Stream
from sweeps.study.spec import Study
from sweeps.tune.arm import ArmDriver
from sweeps.tune.checks import check_tuning, refuse_edited_points, refuse_other_cells
from sweeps.tune.choice import chosen_points
from sweeps.tune.drivers import Drivers
from sweeps.tune.journal import note_choice, open_studies
from sweeps.tune.record import Record
from sweeps.tune.rounds import settle_in_rounds
from sweeps.tune.searches import searches_of
from sweeps.workers.worker import Command, train_command

if TYPE_CHECKING:
    from optuna import Study as History


def tune_then_run(
    study: Study,
    preset: str,
    store: Path,
    options: RunOptions,
    console: Console,
    command: Command | None = None,
    reports: Path = REPORTS,
) -> int:
    """Tune what is not tuned yet, then run the missing trials of the confirmation. Returns what `run_sweep` returns.

    `command` makes the command line of a run (default: `python -m sspo.train`). Raises UserError before any work if options, spaces,
    store or journal are invalid, and if another process runs the study; after the tuning if an arm has no scored trial.
    """
    check_options(options)
    refuse_foreign(store)
    restore_record(study, preset, store, reports, console, committed=True)
    plan = make_plan(study, preset, store, untuned=True)
    refuse_other_cells(plan)
    searches = searches_of(plan.study, plan.preset)
    refuse_edited_points(plan, searches)
    if plan.untuned:
        if not _tune(plan, searches, options, console, command, reports):
            return interrupted(console)
        plan = make_plan(study, preset, store)
    return run_sweep(plan, options, console, command, reports)


def _tune(
    plan: Plan,
    searches: Mapping[str, Search],
    options: RunOptions,
    console: Console,
    command: Command | None,
    reports: Path,
) -> bool:
    """Settle every arm's budget and write the chosen points. Returns False if a signal or a request ended it early."""
    check_tuning(plan, options)
    refuse_unamended(plan)
    _refuse_misfits(plan, options, command)
    for line in check_budget(plan, over_budget=options.over_budget):
        console.print(Text(line), soft_wrap=True)
    with alone(control_folder(plan), f"sweep of {plan.title()}", "wait for it", options.watch()):
        write_request(plan, RUN)
        restore_committed(plan, reports, console)
        record = Record(plan, searches, options.retries)
        studies = open_studies(plan, searches)
        drivers = Drivers(_arm_drivers(plan, searches, studies, options), record.write)
        record.drivers = drivers.arms
        record.write()
        check_store(plan.store, max(drivers.trials - drivers.tally.settled, 0) * len(drivers.seeds))
        if not _settle(drivers, plan, options, console, command):
            return False
        chosen = chosen_points(record.plan, searches)
        note_choice(studies, chosen)
        record.write(chosen)
    console.print(chosen_table(record.plan))
    return True


def _refuse_misfits(plan: Plan, options: RunOptions, command: Command | None) -> None:
    """Refuse arms whose trials cannot run here, judged by their runs at the default."""
    trials = plan.trials()
    missing = missing_of(trials, retry_failed=options.retry_failed)
    refuse_unsampled(missing)
    if options.engine == DEFAULT_ENGINE:
        refuse_what_does_not_fit(plan, missing)
        setup = Setup(
            study=plan.study.name, command=command or train_command(plan.study.name), workers=options.workers
        )
        with open_engine(options.engine, options.engine_options, setup, trials):
            pass


def _arm_drivers(
    plan: Plan, searches: Mapping[str, Search], studies: Mapping[str, History], options: RunOptions
) -> dict[str, ArmDriver]:
    tune = plan.study.tuning(plan.preset)
    assert tune is not None, "the study tunes nothing"
    recorded = {} if plan.tuning is None else plan.tuning.arms
    return {
        name: ArmDriver(
            name,
            search,
            plan.preset,
            plan.store,
            studies[name],
            budget=tune.head.budget,
            recorded=recorded[name].trials if name in recorded else (),
            retry_failed=options.retry_failed,
        )
        for name, search in searches.items()
    }


def _settle(
    drivers: Drivers, plan: Plan, options: RunOptions, console: Console, command: Command | None
) -> bool:
    """Run the trials of all arms, under a view. Returns False if a signal or a request ended it early."""
    request = request_reader(plan)
    if options.engine != DEFAULT_ENGINE:
        return settle_in_rounds(drivers, plan, options, console, command, request)
    devices = visible_devices()
    workers = options.workers or default_workers(devices)
    board = SearchBoard(workers=workers, pace=Pace(), driver=drivers, work="tuning: ")
    stream = Stream(
        drivers,
        board,
        command or train_command(plan.study.name),
        timeout=options.timeout,
        devices=devices,
        watch=options.watch(),
        request=request,
    )
    try:
        with View(board, console):
            finished = stream.run([])
    except OSError as error:
        raise UserError(
            f"the tuning stopped because of a system error: {error}; fix that and run it again to continue"
        ) from error
    return finished
