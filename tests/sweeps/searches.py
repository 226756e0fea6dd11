"""A small search over real options, in its own storage, for the tests of searches."""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna import Study
from stub_searched import finish, log_run, score

from sweeps.plan.plan import Trial
from sweeps.search.driver import Driver, Open, ends_of
from sweeps.search.load import parse
from sweeps.search.run import study_name
from sweeps.search.spec import Search
from sweeps.search.storage import open_storage, open_study
from sweeps.workers.worker import Command

STUB = Path(__file__).parent / "stub_searched.py"
START = {"objective.clip.high": 0.15, "objective.bounds.alpha": -0.5, "segmentation": "token"}
SPEC: dict[str, Any] = {
    "overrides": ["objective=sspo", "tracking=none"],
    "space": {
        "objective.clip.high": {"low": 0.005, "high": 0.2, "log": True, "also": ["objective.clip.low"]},
        "objective.bounds.alpha": {"low": -0.6, "high": 0.6},
        "segmentation": {"choices": ["token", "sentence", "subsentence"]},
    },
    "points": [START],
    "sampler": {"startup": 6},
    "presets": {"default": {"trials": 6, "seeds": [900, 901]}},
}


def spec(**changes: Any) -> dict[str, Any]:
    return changed(SPEC, **changes)


def changed(whole: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a spec with changed values at dotted keys, `__` for the dots; `...` removes a key."""
    content = copy.deepcopy(whole)
    for path, value in changes.items():
        *outer, last = path.split("__")
        inner = content
        for key in outer:
            inner = inner.setdefault(key, {})
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    return content


def make(**changes: Any) -> Search:
    """A search."""
    return parse("probe", spec(**changes))


def study_of(search: Search, journal: Path) -> Study:
    """Its Optuna study."""
    study = open_study(open_storage(journal), study_name(search, "default"), search.meaning("default"))
    assert study is not None
    return study


def driver_of(search: Search, store: Path, trials: int | None = None) -> Driver:
    """A driver as `sweeps search` would make it."""
    study = study_of(search, store / "probe.journal")
    return Driver(search, "default", store, study, trials or search.presets["default"].trials)


def train(opened: Open) -> None:
    """Do the stub trainer's work in this process."""
    for run in opened.runs:
        if not (run.folder / "DONE.json").is_file():
            log_run(run.folder, score(dict(word.split("=", 1) for word in run.overrides), run.seed))
            finish(run.folder)


def settle(driver: Driver) -> None:
    """Run the whole search, one trial after the other."""
    while (opened := driver.ask()) is not None:
        train(opened)
        driver.conclude(opened, ends_of(opened))


def stub(starts: Path, seconds: float = 0.0, endings: Mapping[str, str] | None = None) -> Command:
    """Return the command line of the stub in its own process; endings by the name of a trial."""

    def command(run: Trial) -> list[str]:
        ending = (endings or {}).get(run.arm, "finish")
        head = [sys.executable, "-S", str(STUB), str(run.folder), str(starts), str(seconds), ending]
        return [*head, *run.overrides]

    return command
