"""`sweeps search`: check the space, lock the search, then ask, train and tell until it is settled."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError, unknown
from sweeps.control.sweep import RunOptions, check_options, interrupted
from sweeps.ledger.lock import alone
from sweeps.ledger.state import standing
from sweeps.ledger.store import check_store
from sweeps.monitor.live_view import View
from sweeps.plan.devices import default_workers, visible_devices
from sweeps.plan.pace import Pace
from sweeps.plan.stale import stale_sentence
from sweeps.search.board import SearchBoard
from sweeps.search.corners import check_corners
from sweeps.search.driver import Driver
from sweeps.search.history import tally
from sweeps.search.outcome import runs_of, show_outcome, status_line
from sweeps.search.spec import Search
from sweeps.search.storage import hidden, open_storage, open_study, sole_controller
from sweeps.search.stream import Stream
from sweeps.study.spec import DEFAULT_PRESET
from sweeps.workers.worker import Command, train_command

if TYPE_CHECKING:
    from optuna import Study


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How a search runs, besides the options that its runs share with those of a study."""

    runs: RunOptions
    trials: int | None = None
    """Number of trials; None for the preset's."""
    storage: str | None = None
    """A database by URL, or a journal file; None for one in the store."""
    take_over: bool = False
    """Continue although a controller on another machine may still be alive."""


def run_search(
    search: Search,
    preset: str,
    store: Path,
    options: SearchOptions,
    console: Console,
    command: Command | None = None,
) -> int:
    """Settle the preset's trials. Returns 0, 1 if nothing was scored, 130 after an interrupt.

    `command` makes the command line of a run (default: `python -m sspo.train`). Raises UserError before any work
    if the spec, options, space or storage are invalid, or if another process runs the search.
    """
    check_options(options.runs)
    trials = _trials(search, preset, options)
    check_corners(search, preset)
    name, folder = study_name(search, preset), searches_folder(store)
    with ExitStack() as held:
        held.enter_context(alone(folder / f"{name}.lock", f"search {name}"))
        study = _open(search, preset, store, options.storage)
        held.enter_context(sole_controller(study, take_over=options.take_over))
        _refuse_other_code(search, preset, study, store)
        driver = Driver(search, preset, store, study, trials)
        check_store(store, max(trials - driver.tally.settled, 0) * len(driver.seeds))
        if driver.tally.settled < trials and not _settle(driver, options, console, command):
            return interrupted(console)
    return show_outcome(search, preset, study, folder, console)


def show_search_status(search: Search, preset: str, store: Path, place: str | None, console: Console) -> int:
    """Print the state of a search, which may be running. Returns 0."""
    _check_preset(search, preset)
    name, path = study_name(search, preset), place or journal_path(search, preset, store)
    study = None
    if "://" in str(path) or Path(path).is_file():
        study = open_study(open_storage(path), name, search.meaning(preset), create=False)
    if study is None:
        text = f"search {name}: not started in {hidden(path)}"
    else:
        text = status_line(name, tally(study.get_trials(deepcopy=False), search.head.retries))
    console.print(Text(text), soft_wrap=True)
    return 0


def study_name(search: Search, preset: str) -> str:
    """Return the search's name in Optuna: `<search>` for the default preset, `<search>.<preset>` for others."""
    return search.name if preset == DEFAULT_PRESET else f"{search.name}.{preset}"


def searches_folder(store: Path) -> Path:
    """Return the folder of a store for files of searches other than runs."""
    return store / "searches"


def journal_path(search: Search, preset: str, store: Path) -> Path:
    """Return the default journal of the search."""
    return searches_folder(store) / f"{study_name(search, preset)}.journal"


def _trials(search: Search, preset: str, options: SearchOptions) -> int:
    _check_preset(search, preset)
    trials = options.trials or search.presets[preset].trials
    if trials < len(search.points):
        raise UserError(
            f"--trials must be at least {len(search.points)}, one per point of the spec, got {trials}"
        )
    return trials


def _check_preset(search: Search, preset: str) -> None:
    if preset not in search.presets:
        raise unknown(f"preset of {search.name}", preset, search.presets)


def _open(search: Search, preset: str, store: Path, place: str | None) -> Study:
    storage = open_storage(place or journal_path(search, preset, store))
    study = open_study(storage, study_name(search, preset), search.meaning(preset))
    assert study is not None
    return study


def _refuse_other_code(search: Search, preset: str, study: Study, store: Path) -> None:
    """Raise UserError for stale runs: a history that mixes scores of two versions of the code would optimize neither."""
    runs = runs_of(search, preset, study.get_trials(deepcopy=False), store)
    line = stale_sentence({run: standing(run.folder) for run in runs})
    if line is not None:
        raise UserError(
            f"{line}; one history cannot hold scores of both: pass a new one with --storage, or check with "
            "`make same-numbers` whether the numbers are equal"
        )


def _settle(driver: Driver, options: SearchOptions, console: Console, command: Command | None) -> bool:
    """Run the search under a view. Returns False if a signal ended it early."""
    from optuna.exceptions import StorageInternalError

    devices = visible_devices()
    workers = options.runs.workers or default_workers(devices)
    board = SearchBoard(workers=workers, pace=Pace(), driver=driver)
    maker = command or train_command(f"search_{driver.search.name}")
    runs = options.runs
    stream = Stream(driver, board, maker, timeout=runs.timeout, devices=devices, watch=runs.watch())
    try:
        with View(board, console):
            finished = stream.run([])
    except (OSError, StorageInternalError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"the search stopped because of an error of the system or its storage: {reason}; fix that and run it again "
            "to continue"
        ) from error
    assert not (finished and driver.open), "a trial was left open"
    return finished
