"""The options that commands of `sweeps` share: each is described once, a command names those that it takes."""

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
    """Reads a whole number of at least 1; UserError names the option and what make calls it."""

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
    """Reads a positive number of seconds."""

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
"""Runs that a list shows unasked: the score of each takes a look at its log."""
RETRIABLE = ("oom", "timeout", "killed", "error")

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "--preset": {
        "help": f"{', '.join(PRESETS)} (default: {DEFAULT_PRESET}, or the only one that the study has)",
    },
    "--store": {"type": Path, "default": Path("runs"), "help": "folder of all runs (default: runs)"},
    "--workers": {
        "type": whole_number("--workers (make: WORKERS)"),
        "metavar": "N",
        "help": "trials at a time, fewer where each takes several devices or threads (default: one a CUDA device, or a processor where there is none)",
    },
    "--on": {
        "metavar": "DEVICE",
        "help": "a device of conf/planning/devices.yaml that trials would run on (default: what is here)",
    },
    "--timeout": {
        "type": seconds("--timeout"),
        "metavar": "SECONDS",
        "help": "limit of one trial (default: none)",
    },
    "--retries": {
        "metavar": "CLASS=N,...",
        "help": "tries after the first one by how it failed, as killed=3,oom=1 (default: what the study says)",
    },
    "--stale-after": {
        "type": seconds("--stale-after"),
        "default": STALE_AFTER,
        "metavar": "SECONDS",
        "help": f"without a sign of life, until another machine's trial is taken over (default: {STALE_AFTER:g})",
    },
    "--last": {
        "type": whole_number("--last"),
        "default": LAST,
        "metavar": "N",
        "help": f"how many (default: {LAST})",
    },
    "--live": {"action": "store_true", "help": "keep showing it until nothing is left to run"},
    "--failed": {
        "action": "store_true",
        "required": True,
        "help": "the only kind that can be retried; said aloud",
    },
    "--arm": {"metavar": "ARM", "help": "only its trials"},
    "--reason": {"choices": RETRIABLE, "help": "only those that failed so"},
    "--retry-failed": {
        "action": "store_true",
        "help": "run failed trials once more; one that diverged has its result and is not run again",
    },
    "--fresh": {
        "action": "store_true",
        "help": "make stale runs again, which code with other numbers finished; the old ones are kept",
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
        "help": "trials to settle in all (default: the preset's)",
    },
    "--storage": {
        "metavar": "PLACE",
        "help": "of a search: an Optuna journal, or a database by URL (default: a journal in the store)",
    },
    "--take-over": {
        "action": "store_true",
        "help": "go on though another machine, known to be gone, holds the search",
    },
    "--tracking": {
        "metavar": "NAME",
        "help": "mirror of the logs, instead of the study's own: none, wandb_offline, wandb_online",
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
        "help": "leave once every trial is placed, where the engine runs them without us",
    },
    "--over-budget": {
        "action": "store_true",
        "help": "run although finished trials say that the preset's budget will not do",
    },
}


def add_option(parser: argparse.ArgumentParser, name: str) -> None:
    """Add one of OPTIONS to a command's parser."""
    parser.add_argument(name, **OPTIONS[name])
