"""The options that commands of `sweeps` share: each is described once, and a command names its own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sweeps.engines.registry import DEFAULT_ENGINE, ENGINES
from sweeps.ledger.leases import STALE_AFTER
from sweeps.study.spec import DEFAULT_PRESET, PRESETS


def whole_number(option: str) -> Any:
    """Return a reader of whole numbers of at least 1; its UserError names the option, here and in make."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = 0
        if number < 1:
            raise UserError(f"{option} must be a whole number of at least 1, got '{text}'")
        return number

    return read


def seconds(option: str) -> Any:
    """Return a reader of positive numbers of seconds."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not number > 0:
            raise UserError(f"{option} must be a positive number of seconds, got '{text}'")
        return number

    return read


LAST = 20
"""Runs that a list shows by default: each costs a reading of its log."""
RETRIABLE = ("oom", "timeout", "killed", "error")

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--preset": {
        "help": f"{', '.join(PRESETS)} (default: {DEFAULT_PRESET}, or the only one that the study has)",
    },
    "--store": {"type": Path, "default": Path("runs"), "help": "folder of all runs (default: runs)"},
    "--workers": {
        "type": whole_number("--workers (make: WORKERS)"),
        "metavar": "N",
        "help": "trials at a time, fewer if each takes several devices or threads (default: one per CUDA device, or per processor without one)",
    },
    "--on": {
        "metavar": "DEVICE",
        "help": "plan for a device of conf/planning/devices.yaml (default: this machine's)",
    },
    "--timeout": {
        "type": seconds("--timeout"),
        "metavar": "SECONDS",
        "help": "time limit of one trial (default: none)",
    },
    "--retries": {
        "metavar": "CLASS=N,...",
        "help": "further tries per class of failure, as in killed=3,oom=1 (default: the study's)",
    },
    "--stale-after": {
        "type": seconds("--stale-after"),
        "default": STALE_AFTER,
        "metavar": "SECONDS",
        "help": f"time without a heartbeat after which another machine's trial is taken over (default: {STALE_AFTER:g})",
    },
    "--last": {
        "type": whole_number("--last"),
        "default": LAST,
        "metavar": "N",
        "help": f"number of runs to list (default: {LAST})",
    },
    "--live": {"action": "store_true", "help": "refresh it until nothing is left to run"},
    "--failed": {
        "action": "store_true",
        "required": True,
        "help": "required: only failed trials can be retried",
    },
    "--arm": {"metavar": "ARM", "help": "only trials of this arm"},
    "--reason": {"choices": RETRIABLE, "help": "only trials that failed for this reason"},
    "--retry-failed": {
        "action": "store_true",
        "help": "run failed trials once more; one that diverged has its result and is not run again",
    },
    "--fresh": {
        "action": "store_true",
        "help": "train stale runs again, which code with other numbers finished; the old ones are kept",
    },
    "--report": {
        "action": "store_true",
        "help": "then write the report, unless it is up to date",
    },
    "--reports": {
        "type": Path,
        "default": Path("reports"),
        "metavar": "FOLDER",
        "help": "folder of reports with their compact logs (default: reports)",
    },
    "--trials": {
        "type": whole_number("--trials"),
        "metavar": "N",
        "help": "trials in all (default: the preset's)",
    },
    "--storage": {
        "metavar": "PLACE",
        "help": "place of a search: an Optuna journal, or a database by URL (default: a journal in the store)",
    },
    "--take-over": {
        "action": "store_true",
        "help": "take the search over from another machine that is known to be gone",
    },
    "--tracking": {
        "metavar": "NAME",
        "help": "mirror of the logs instead of the study's: none, wandb_offline, wandb_online",
    },
    "--entity": {"help": "W&B user or team"},
    "--project": {"help": "W&B project (default: that of the runs)"},
    "--push": {"action": "store_true", "help": "save it to W&B as well; needs an account"},
    "--out": {"type": Path, "metavar": "FILE", "help": "the file to write (default: one in the store)"},
    "--engine": {
        "default": DEFAULT_ENGINE,
        "help": f"where trials run: {', '.join(ENGINES)} (default: {DEFAULT_ENGINE}); see docs/clusters.md",
    },
    "--engine-option": {
        "action": "append",
        "default": [],
        "dest": "engine_options",
        "metavar": "KEY=VALUE",
        "help": "an option of the engine, such as gpus=1; may be repeated",
    },
    "--detach": {
        "action": "store_true",
        "help": "return once every trial is placed, if the engine runs them on its own",
    },
    "--over-budget": {
        "action": "store_true",
        "help": "run even if finished trials show that the preset's budget is too small",
    },
}


def add_option(parser: argparse.ArgumentParser, name: str) -> None:
    """Add one of OPTIONS to a command's parser."""
    parser.add_argument(name, **OPTIONS[name])
