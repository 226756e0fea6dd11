"""The files of a run folder, checked: a damaged file is named, so that it costs its own run and no other."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.jsonl import BadLine
from analysis.logs.manifest import one_line
from sspo.config import OWN_BACKEND, OWN_ENGINE
from sspo.config.json_file import read_object
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError, shown
from sspo.runs import runlog

DONE, DIVERGED, FAILED, BROKEN, RUNNING, MISSING = (
    "done",
    "diverged",
    "failed",
    "broken",
    "running",
    "missing",
)
AGAIN = "delete it to run that seed again"
MESSAGE_CHARACTERS = 160
READ_CHARACTERS = 10_000
"""Characters of a message that are searched for paths."""
PATH = re.compile(
    r"""(?<=')(?:[/~]|[A-Za-z]:[\\/]|\\\\)[^']*(?=')|(?<=")(?:[/~]|[A-Za-z]:[\\/]|\\\\)[^"]*(?=")"""
    r"""|(?<![\w.<])(?:~\w*)?(?:/[^\s/'"`,;:()\[\]{}<>]+)+/?"""
    r"""|(?<![\w.<\\])(?:[A-Za-z]:|\\(?=\\))(?:[\\/][^\s\\/'"`,;:()\[\]{}<>]+)+[\\/]?"""
)
"""An absolute path, in quotes with its spaces; including drives and shares of Windows."""
HOST = re.compile(r"(?<=, process )(\d+) on \S+(?=, vanished)")
"""The host in the message of a lost trial, as older versions wrote it; now only the claim records it."""
SETTINGS = {
    "rule": "segmentation.rule",
    "ratio": "objective.ratio",
    "term": "objective.term",
    "advantage": "objective.advantage",
    "aggregation": "objective.aggregation",
    "adapt": "objective.bounds.adapt",
    "alpha": "objective.bounds.alpha",
    "clip_low": "objective.clip.low",
    "clip_high": "objective.clip.high",
}
"""Options of a run's configuration that gates, figures and claims use, by their key in a record."""


class Damaged(UserError):
    """A damaged file of a run: its name, the reason, and the problem in short."""

    def __init__(self, file: str, why: str, what: str = "is damaged"):
        super().__init__(why)
        self.file, self.what = file, what

    def state(self) -> dict[str, Any]:
        """Return the state as a run's record has it."""
        reason = f"{self.file} {self.what}: run that seed again"
        return {"status": BROKEN, "reason": reason, "message": tidied(str(self))}


def damaged_log(name: str, error: BadLine) -> Damaged:
    """Return the error for a log with a bad line."""
    return Damaged(name, str(error), "is broken before its last line")


def marker(folder: Path, name: str) -> dict[str, Any] | None:
    """Read the object in a JSON file of a run. Return None if there is no such file. Raises Damaged if it is not valid."""
    try:
        return read_object(folder / name, AGAIN)
    except UserError as error:
        raise Damaged(name, _without(folder, error)) from error


def configuration(folder: Path) -> dict[str, Any]:
    """Read a run's configuration; empty if it has not written one. Raises Damaged if it is not valid."""
    path = folder / runlog.CONFIG
    try:
        return read_yaml(path) if path.is_file() else {}
    except UserError as error:
        raise Damaged(runlog.CONFIG, _without(folder, error)) from error


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a configuration that a record holds, and its engine, backend and pooling unless they are the
    original ones. Raises Damaged if a setting is not a single value."""
    engine, pooling = setting(config, "rollout.engine"), setting(config, "objective.pooling")
    named = {} if engine in (None, OWN_ENGINE) else {"engine": engine}
    backend = setting(config, "trainer.backend")
    named |= {} if backend in (None, OWN_BACKEND) else {"backend": backend}
    named |= {} if pooling in (None, "mean") else {"pooling": pooling}
    return {name: setting(config, key) for name, key in SETTINGS.items()} | named


def setting(config: Mapping[str, Any], key: str) -> Any:
    """Return an option by its dotted name; None if it is missing. Raises Damaged if it is not a single value."""
    found: Any = config
    for name in key.split("."):
        if found is None:
            return None
        if not isinstance(found, Mapping):
            raise Damaged(runlog.CONFIG, f"the group around {key} holds {shown(found)}")
        found = found.get(name)
    return single(found, key, runlog.CONFIG)


def single(value: Any, key: str, file: str) -> Any:
    """Return a value that is text, a finite number, true, false or None. Raises Damaged for any other."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise Damaged(file, f"{key} is {shown(value)}, expected one text or number")


def number(content: Mapping[str, Any], key: str, file: str) -> float | int | None:
    """Return a number of a marker; None if it is missing. Raises Damaged for anything else."""
    value = content.get(key)
    if value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18
    ):
        return value
    raise Damaged(file, f"{key} is {shown(value)}, expected a number")


@dataclass(frozen=True)
class RunMarkers:
    """The markers of a run folder, and the state that follows from them."""

    there: bool
    done: Mapping[str, Any] | None = None
    failed: Mapping[str, Any] | None = None

    def state(self) -> dict[str, Any]:
        """Return state, reason and message as a run's record has them."""
        if not self.there:
            return {"status": MISSING, "reason": "not started", "message": ""}
        if self.done is not None:
            return {"status": DONE, "reason": "", "message": ""}
        if self.failed is None:
            return {"status": RUNNING, "reason": "no marker: running or half-written", "message": ""}
        reason = one_line(str(self.failed.get("reason", "error"))[:MESSAGE_CHARACTERS])
        status = DIVERGED if reason == DIVERGED else FAILED
        return {
            "status": status,
            "reason": reason,
            "message": tidied(str(self.failed.get("message", ""))),
        }


def standing(folder: Path) -> RunMarkers:
    """Read a folder's current markers; a finished run is done, whatever failed before. Raises Damaged if one is not valid."""
    if not folder.is_dir():
        return RunMarkers(there=False)
    done = marker(folder, runlog.DONE)
    for key in ("seconds", "rollouts", "steps"):
        number(done or {}, key, runlog.DONE)
    return RunMarkers(True, done, None if done is not None else marker(folder, runlog.FAILED))


def tidied(message: str) -> str:
    """Return a message on one line, without paths (they contain user names) and without the name of its machine."""
    line = " ".join(message[:READ_CHARACTERS].split())
    return PATH.sub("<path>", HOST.sub(r"\1", line))[:MESSAGE_CHARACTERS]


def _without(folder: Path, error: UserError) -> str:
    """Return the error's sentence without the folder, whose path is private."""
    return str(error).replace(f"{folder}{os.sep}", "")
