"""`sweeps runs`: the newest runs of a store, with their time, outcome, score, options and folder."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.compose.fast import quick_compose
from sspo.config.plugins.own_file import is_file
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.metrics.percent import percent
from sspo.runs.epochs import flat
from sspo.runs.runlog import CONFIG, DONE, FAILED
from sweeps.ledger.score import primary_score
from sweeps.ledger.state import standing
from sweeps.study.spec import Primary

LABELS = ("seed", "run.", "tracking.", "objective.name", "objective.paper")
"""Options that are shown elsewhere, or that do not affect a run."""
COLUMNS = ("when", "outcome", "score", "what", "folder")
DAMAGED = "damaged"


def show_runs(store: Path, last: int, console: Console) -> int:
    """Print one line per run for the `last` most recently changed runs, newest first. Returns 0."""
    folders = sorted(_folders(store), key=_changed, reverse=True)
    rows = [COLUMNS, *(_row(folder) for folder in folders[:last])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows if folders else []:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        console.print(Text(line), soft_wrap=True)
    hidden = len(folders) - last
    more = f"; --last {len(folders)} also shows the other {hidden}" if hidden > 0 else ""
    console.print(Text(f"{len(folders)} runs in {store}{more}"), soft_wrap=True)
    return 0


def _folders(store: Path) -> list[Path]:
    """Return all run folders, including those made by code with different numbers."""
    cells = store / "cells"
    return [path for pattern in ("*/seed*", "*/*/seed*") for path in cells.glob(pattern) if path.is_dir()]


def _changed(folder: Path) -> float:
    """Return when the run ended or last started, in seconds since the epoch."""
    for name in (DONE, FAILED, CONFIG):
        path = folder / name
        if path.is_file():
            return path.stat().st_mtime
    return folder.stat().st_mtime


def _row(folder: Path) -> tuple[str, ...]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(_changed(folder)))
    try:
        now = standing(folder)
        outcome = f"failed ({now.reason})" if now.outcome == "failed" else now.outcome
    except UserError:
        outcome = DAMAGED
    score = _score(folder) if outcome in ("done", "diverged") else "-"
    return when, outcome, score, _what(folder), str(folder)


def _score(folder: Path) -> str:
    """Return the sampled accuracy in percent at the last final evaluation, as in reports."""
    try:
        score = primary_score(folder, Primary())
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return DAMAGED
    return "none" if score is None else percent(score)


def _what(folder: Path) -> str:
    """Return the study and arm, if any, the objective and seed, and the options that differ from the objective's defaults."""
    if not (folder / CONFIG).is_file():
        return f"{folder.name}, which has not started"
    try:
        config = flat(read_yaml(folder / CONFIG))
    except UserError:
        return f"{folder.name}, whose {CONFIG} is {DAMAGED}"
    objective = str(config.get("objective.name"))
    labels = [str(config[key]) for key in ("run.study", "run.arm") if config.get(key)]
    usual = _usual(objective)
    own = [
        f"{key}={value}"
        for key, value in config.items()
        if not key.startswith(LABELS) and key in usual and value != usual[key]
    ]
    return " ".join([*labels, f"objective={objective}", f"seed={config.get('seed')}", *own])


@functools.cache
def _usual(objective: str) -> Mapping[str, Any]:
    """Return the options of a run that sets only its objective; none for an objective that no longer exists."""
    if is_file(objective):  # a run folder may name any file
        return {}
    try:
        return flat(asdict(quick_compose((f"objective={objective}",))))
    except UserError:
        return {}
