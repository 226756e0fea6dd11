"""`sweeps replay`: ensure that the runs to record are recorded, then replay the study's objective on their recordings."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.compose.fast import quick_compose
from sspo.config.plugins.in_use import files_in_use, files_in_words
from sspo.errors import UserError
from sspo.runs.revision import code_hash
from sspo.runs.runlog import write_atomic
from sspo.runs.trust import TRUST
from sweeps.control.sweep import RunOptions, check_options, conclude, interrupted
from sweeps.ledger.lock import alone
from sweeps.ledger.state import read_json
from sweeps.plan.manifest import stem
from sweeps.plan.plan import Plan, Trial
from sweeps.replay.recordings import recorded_runs, recordings, with_recordings
from sweeps.workers.exits import why_failed
from sweeps.workers.signals import INTERRUPTED, run_in_foreground
from sweeps.workers.worker import Command

REPLAYER = (sys.executable, "-m", "sspo.replay")
PRODUCTS = ("replay.parquet", "replay.json")
STAMP = "made_from.json"
"""File that records the inputs of a finished replay."""


def run_replay(
    plan: Plan,
    options: RunOptions,
    console: Console,
    command: Command | None = None,
    replayer: Sequence[str] = REPLAYER,
) -> int:
    """Train the runs without a recording, then replay. Returns 1 if a trial failed, 130 after an interrupt, else the replayer's status.

    `command` makes the command line of a trial, `replayer` starts that of the replay. Raises UserError if nothing can be
    recorded, the store cannot be written or another replay of the study is running.
    """
    check_options(options)
    with alone(replay_folder(plan).with_name(f"{stem(plan)}.lock"), f"replay of {plan.title()}"):
        runs = recorded_runs(plan, options, console, command)
        if runs is None:
            return interrupted(console)
        return conclude(runs, console) or _replay(plan, with_recordings(runs, console), console, replayer)


def replay_folder(plan: Plan) -> Path:
    """Return `<store>/replays/<stem>`."""
    return plan.store / "replays" / stem(plan)


def _replay(plan: Plan, runs: Sequence[Trial], console: Console, replayer: Sequence[str]) -> int:
    folder, made_from = replay_folder(plan), _made_from(plan, runs)
    if _is_current(folder, made_from):
        console.print(Text(f"up to date: {folder}"), soft_wrap=True)
        return 0
    (folder / STAMP).unlink(missing_ok=True)
    status = run_in_foreground([*replayer, *_arguments(plan, runs)])
    if status == INTERRUPTED:
        return interrupted(console)
    if status < 0:
        console.print(f"the replay was {why_failed(status, '', None)[1]}", soft_wrap=True, highlight=False)
        return 1
    if status == 0:
        _write_stamp(folder, made_from)
    return status


def _arguments(plan: Plan, runs: Sequence[Trial]) -> list[str]:
    replay = plan.study.head.replay
    return [
        *(str(run.folder) for run in runs),
        *replay.objective,
        *_trusted(runs),
        f"segmentation={','.join(replay.rules)}",
        f"clip={replay.clip}",
        "--targets",
        ",".join(map(str, replay.targets)),
        "--grad-noise",
        *(("--law",) if replay.law else ()),
        "--out",
        str(replay_folder(plan)),
    ]


def _trusted(runs: Sequence[Trial]) -> list[str]:
    """Return the option that lists the user's own files that the study's arms use, so that the replay may run them too.

    An objective's file may name the file of its term, which stands in no word of the arm.
    """
    files = sorted(
        {
            file
            for run in runs
            for file in (*files_in_words(run.overrides), *files_in_use(quick_compose(run.overrides)))
        }
    )
    return [f"{TRUST}={','.join(files)}"] if files else []


def _made_from(plan: Plan, runs: Sequence[Trial]) -> dict[str, Any]:
    """Return the study's replay settings, the code hash, and the size and modification time (ns) of every recording by its path in
    the store."""
    paths = [path for run in runs for path in recordings(run)]
    stats = {str(path.relative_to(plan.store)): path.stat() for path in paths}
    return {
        "replay": asdict(plan.study.head.replay),
        "code_sha256": code_hash(),
        "recordings": {place: [stat.st_size, stat.st_mtime_ns] for place, stat in stats.items()},
    }


def _is_current(folder: Path, made_from: dict[str, Any]) -> bool:
    whole = all((folder / product).is_file() for product in PRODUCTS)
    before = read_json(folder / STAMP, "delete it to replay again")
    return whole and before == json.loads(_text(made_from))


def _write_stamp(folder: Path, made_from: dict[str, Any]) -> None:
    try:
        write_atomic(folder / STAMP, _text(made_from))
    except OSError as error:
        raise UserError(
            f"the replay is finished, but {folder / STAMP} cannot be written: {error.strerror}; fix that, or the next "
            "`sweeps replay` repeats it"
        ) from error


def _text(made_from: dict[str, Any]) -> str:
    return json.dumps(made_from, indent=1) + "\n"
