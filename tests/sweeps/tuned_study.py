"""A small study with `tune`, of two arms, and a stub that trains its runs, for the tests of tuning."""

from __future__ import annotations

import copy
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from searches import STUB

from sweeps.control.sweep import RunOptions
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.study.load import parse
from sweeps.study.spec import Study
from sweeps.tune.run import tune_then_run
from sweeps.workers.worker import Command

FIXED = ["objective=sspo", "objective.bounds.alpha=0.2", "objective.clip.high=0.05", "tracking=none"]
SPEC: dict[str, Any] = {
    "question": "Do sentences help at their own best clip bound?",
    "baseline": "tokens",
    "arms": {
        "tokens": {"overrides": [*FIXED, "segmentation=token"]},
        "sentences": {"overrides": [*FIXED, "segmentation=sentence"]},
    },
    "tune": {
        "space": {
            "objective.clip.high": {
                "low": 0.005,
                "high": 0.2,
                "log": True,
                "also": ["objective.clip.low"],
            }
        },
        "budget": {"trials": 4},
        "seeds": [900, 901],
    },
    "presets": {"default": {"seeds": [0, 1]}},
}
PEAK = 0.03
"""The clip bound at which the stub scores best."""


def make(**changes: Any) -> Study:
    """Return the study with changed entries of `tune`."""
    content = copy.deepcopy(SPEC)
    content["tune"].update(changes)
    return parse("probe", content)


def run(
    study: Study,
    store: Path,
    *,
    workers: int = 2,
    endings: Mapping[str, str] | None = None,
    seconds: Mapping[str, float] | float = 0.0,
    **options: Any,
) -> tuple[int, str]:
    """Run the study with the stub. Returns exit status and output."""
    printed = io.StringIO()
    console = Console(width=300, file=printed)
    stub = stub_of(store.parent / "starts", seconds, endings or {})
    status = tune_then_run(
        study,
        "default",
        store,
        RunOptions(workers=workers, **options),
        console,
        stub,
        store.parent / "reports",
    )
    return status, printed.getvalue()


def stub_of(starts: Path, seconds: Mapping[str, float] | float, endings: Mapping[str, str]) -> Command:
    """Return the command line of the stub; endings and seconds by the name of a run, `tokens.pilot0` or `tokens`."""

    def command(run: Trial) -> list[str]:
        ending = endings.get(run.arm, "finish")
        wait = seconds.get(run.arm, 0.0) if isinstance(seconds, Mapping) else seconds
        head = [sys.executable, "-S", str(STUB), str(run.folder), str(starts), str(wait), ending]
        return [*head, *run.overrides]

    return command


def plan_of(study: Study, store: Path) -> Plan:
    """Return the plan as it is now."""
    return make_plan(study, "default", store, untuned=True)


def record_of(store: Path) -> dict[str, Any]:
    """Return the content of the record."""
    return dict(json.loads((store / "tunings" / "probe.json").read_text()))


def starts_of(store: Path) -> list[str]:
    """Return the run folders in which the stub was started, one line per start."""
    path = store.parent / "starts"
    return sorted(path.read_text().split()) if path.is_file() else []
