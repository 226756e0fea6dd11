"""The state of a job on disk: verl's checkpoints, and the part of the job's log that goes with each.

verl names its latest checkpoint in a file of its own, once that is complete, and deletes the weights of older ones, not their
folders. A job continues from the last checkpoint that is whole and whose log is there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from sspo.integrations.verl.job.events import LOG, RECORDINGS, STATE
from sspo.integrations.verl.names import STEP
from sspo.integrations.verl.parent.recipe import CHECKPOINTS
from sspo.runs import fence
from sspo.runs.logfile import size_of
from sspo.runs.runlog import rollout_of, write_atomic

LATEST, WEIGHTS = "latest_checkpointed_iteration.txt", "actor"
CHECKPOINT = re.compile(rf"{STEP}(\d+)")


def rewind(folder: Path, say: Callable[[str | None], None]) -> int:
    """Bring a job's folder to its last usable checkpoint, and return the rollouts that it has, 0 for the base model.

    The log and the recordings end there, and later checkpoints are deleted. `say` prints why one cannot be used.
    """
    fence.check()
    found, latest = _checkpoints(folder), _latest(folder)
    refused = {number: _flaw(folder, found[number], number, latest) for number in found}
    usable = [number for number in found if refused[number] is None]
    done = max(usable, default=0)
    for number, why in refused.items():
        if number > done and number <= latest:
            where = f"checkpoint {done}" if done else "the base model"
            say(f"verl's checkpoint {number} is not used: {why}; resuming from {where}")
        if why is not None:
            shutil.rmtree(found[number])
    _name_latest(folder, done)
    covered = _covered(found[done]) if done else 0
    if (folder / LOG).is_file():
        os.truncate(folder / LOG, covered)
    for path in (folder / RECORDINGS).glob("*"):
        if path.name.startswith(".") or rollout_of(path.name) >= done:
            path.unlink()
    return done


def keep_last(folder: Path, keep: int) -> None:
    """Delete all but the last `keep` checkpoints, and what their weights have left."""
    fence.check()
    found = _checkpoints(folder)
    whole = [number for number in sorted(found) if (found[number] / WEIGHTS).is_dir()]
    for number, path in found.items():
        if number not in whole[-keep:]:
            shutil.rmtree(path)


def _checkpoints(folder: Path) -> dict[int, Path]:
    """Return all checkpoints, complete or not, by their rollouts."""
    matches = ((CHECKPOINT.fullmatch(path.name), path) for path in (folder / CHECKPOINTS).glob("*"))
    return {int(match[1]): path for match, path in matches if match}


def _latest(folder: Path) -> int:
    """Return the rollouts of the checkpoint that verl would continue from."""
    path = folder / CHECKPOINTS / LATEST
    text = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    return int(text) if text.isdecimal() else 0


def _name_latest(folder: Path, done: int) -> None:
    path = folder / CHECKPOINTS / LATEST
    if done:
        write_atomic(path, str(done))
    else:
        path.unlink(missing_ok=True)


def _flaw(folder: Path, checkpoint: Path, number: int, latest: int) -> str | None:
    """Return why a checkpoint cannot be used, in words, or None."""
    if number > latest:
        return "it was not finished"
    if not (checkpoint / WEIGHTS).is_dir():
        return "its weights are gone"
    try:
        covered = _covered(checkpoint)
    except (OSError, ValueError, KeyError, TypeError):
        return f"its {STATE} cannot be read"
    has = size_of(folder / LOG)
    return f"{LOG} has {has} of the {covered} bytes that it covers" if has < covered else None


def _covered(checkpoint: Path) -> int:
    """Return the bytes of the log that a checkpoint covers."""
    return int(json.loads((checkpoint / STATE).read_text(encoding="utf-8"))["log"])
