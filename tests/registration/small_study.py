"""A small study that is registered, run by a stand-in and reported on, all below one folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analysis.logs.compact import read_logs
from analysis.logs.manifest import from_manifest
from analysis.registration.standing import Standing, standing
from analysis.report import write_report
from sweeps.control.register import register
from sweeps.control.sweep import RunOptions, run_sweep, train
from sweeps.plan.manifest import ordered, write_manifest
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.study.load import parse

STUB = Path(__file__).parent / "stub_scored.py"
NAME = "played"
PRESETS: dict[str, Any] = {
    "smoke": {"seeds": 1, "overrides": ["experiment=quick"]},
    "default": {"seeds": [50, 51, 52]},
    "paper": {"seeds": 8},
}


def command(trial: Trial) -> Sequence[str]:
    score = 0.1 * (3 + trial.seed % 3)
    return [sys.executable, "-S", str(STUB), str(trial.folder), str(trial.seed), str(score)]


@dataclass(frozen=True)
class Played:
    """The folder that all of it lies in."""

    root: Path

    @property
    def store(self) -> Path:
        return self.root / "runs"

    @property
    def registrations(self) -> Path:
        return self.root / "registrations"

    def plan(self, preset: str = "paper", *, arms: Sequence[str] = ("grpo", "gspo"), **spec: Any) -> Plan:
        """Of eight seeds, with a look at four, and a default preset of other seeds."""
        content = {
            "baseline": "grpo",
            "looks": [4],
            "claims": ["paper"],
            "arms": {name: {"overrides": [f"objective={name}"]} for name in arms},
            "presets": PRESETS,
        }
        made = make_plan(parse(NAME, {**content, **spec}), preset, self.store)
        return replace(made, registrations=self.registrations)

    def register(self, plan: Plan) -> str:
        return said(lambda console: register(plan, self.root / "reports", console))

    def run(self, plan: Plan, trials: int | None = None) -> None:
        """So many trials in their order: all arms' first seeds first."""
        if trials is None:
            said(lambda console: run_sweep(plan, RunOptions(workers=3), console, command))
            return
        write_manifest(plan)
        said(lambda c: train(NAME, ordered(plan)[:trials], RunOptions(workers=3), c, command))

    def report(self, preset: str = "paper", *, look: bool = False) -> Standing:
        """Where a report stands whose pages nobody needs to see."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("analysis.report.render", lambda *_, **__: None)
            place = (NAME, preset, self.store, self.root / "reports")
            folder, _ = write_report(*place, look=look, registrations=self.registrations)
        return stands(folder / "logs")

    def looks(self) -> list[dict[str, Any]]:
        path = self.registrations / f"{NAME}.looks.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def stands(logs: Path) -> Standing:
    """From compact logs alone."""
    read = read_logs(logs)
    return standing(read, from_manifest(read.manifest))


def said(act: Any) -> str:
    console = Console(width=1000, force_terminal=False)
    with console.capture() as printed:
        act(console)
    return printed.get()
