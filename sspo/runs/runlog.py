"""The run folder: its file names, and RunLog, its only writer.

    config.yaml     the resolved configuration            eval.jsonl      one line per question and sample
    env.json        versions, code revision, hardware     samples.jsonl   responses with segments, ratios and clipped flags
    metrics.jsonl   one line per optimizer step           checkpoints/    the last few: trainer/checkpoint_files.py
    timing.jsonl    seconds, one line per rollout         recording/      inputs of the loss, one file per rollout
                                                          DONE.json or FAILED.json, last

Logs only grow, and every checkpoint records how far it covers each of them, so that a resumed run cuts them there. Every
line names the rollout it belongs to, counted from 0. A folder or log never means that a run is done; only the marker does.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from sspo.errors import UserError
from sspo.metrics import GLOSSARY, TIMING_KEYS, Metric, entry_of
from sspo.runs import fence
from sspo.runs.logfile import Extent, LogFile, extent_of, sync

CONFIG, ENVIRONMENT = "config.yaml", "env.json"
METRICS, TIMING, EVAL, SAMPLES = "metrics.jsonl", "timing.jsonl", "eval.jsonl", "samples.jsonl"
CHECKPOINTS = "checkpoints"
RECORDING = "recording"
LOGS = (METRICS, TIMING, EVAL, SAMPLES)
DONE, FAILED = "DONE.json", "FAILED.json"
FAILURES = ("oom", "diverged", "timeout", "killed", "error")
Row = Mapping[str, Any]


NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)
"""Errors of file systems without hard links."""


def write_atomic(path: Path, content: str | bytes, *, first: bool = False) -> None:
    """Write a whole file or none of it; text is UTF-8. If `first`, an existing file is left unchanged.

    Raises LeaseLost if another worker has taken over the run.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        fence.check()
        if first:
            _link(temporary, path)
        else:
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _link(temporary: Path, path: Path) -> None:
    """Rename a complete file unless the name is taken: the file system decides which of two comes first."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if not path.exists():
            os.replace(temporary, path)
    temporary.unlink(missing_ok=True)


def write_marker(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write DONE.json or FAILED.json. The first DONE.json is final: no later marker replaces or removes it.

    A process that froze while it marked a failure, and resumes after its successor has finished, thus changes nothing.
    """
    text = json.dumps(content, indent=1, sort_keys=True) + "\n"
    write_atomic(folder / name, text, first=name == DONE)
    if (folder / DONE).is_file():
        (folder / FAILED).unlink(missing_ok=True)


def mark_failed(
    folder: Path, reason: str, message: str, log_tail: str = "", logs: Mapping[str, Any] | None = None
) -> None:
    """Record a named failure, also of a run that failed before it had a folder; for one that is scored, with its logs'
    extent.
    """
    if reason not in FAILURES:
        raise ValueError(f"{reason} is not a failure class")
    fence.check()
    folder.mkdir(parents=True, exist_ok=True)
    content = {"reason": reason, "message": message, "log_tail": log_tail}
    write_marker(folder, FAILED, content | ({"logs": logs} if logs else {}))


def unmark_failed(folder: Path) -> None:
    """Remove a failure marker, so that the run can be retried."""
    fence.check()
    (folder / FAILED).unlink(missing_ok=True)


class RunLog:
    """Appends to one run folder; every line is flushed, every key must be in the glossary."""

    def __init__(self, folder: Path):
        fence.check()
        self.folder = folder
        self.files = {name: LogFile(folder / name) for name in LOGS}
        self.recorded: dict[str, Extent] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            unmark_failed(folder)
        except OSError as error:
            raise UserError(
                f"cannot write the run folder {folder}: {error.strerror}; set run.store to a writable folder"
            ) from error

    def describe(self, config: Mapping[str, Any], environment: Mapping[str, Any], *, resumed: bool) -> None:
        """Write config.yaml and env.json; a resumed run keeps the environment of each earlier process as `earlier`."""
        write_atomic(self.folder / CONFIG, yaml.safe_dump(dict(config), sort_keys=False))
        before = self.folder / ENVIRONMENT
        if resumed and before.is_file():
            environment = {**environment, "earlier": _earlier(before)}
        write_atomic(self.folder / ENVIRONMENT, json.dumps(environment, indent=1, sort_keys=True) + "\n")

    def step(self, step: int, rollout: int, update: int, metrics: Mapping[str, Metric]) -> Row:
        """Log one optimizer step: `step` counts from 1 over the run, `update` from 0 in its rollout. Return the line."""
        own = sorted(set(metrics) - set(GLOSSARY))
        unknown = [key for key in own if entry_of(key) is None]
        if unknown:
            raise KeyError(f"not in the glossary: {', '.join(unknown)}")
        values = {key: metrics[key].value() for key in (*GLOSSARY, *own) if key in metrics}
        row = {"step": step, "rollout": rollout, "update": update, **values}
        self._append(METRICS, [row])
        return row

    def timing(self, rollout: int, seconds: Mapping[str, float]) -> None:
        """Log seconds and speeds of one rollout."""
        unknown = sorted(set(seconds) - set(TIMING_KEYS))
        if unknown:
            raise KeyError(f"not in the glossary: {', '.join(unknown)}")
        self._append(TIMING, [{"rollout": rollout, **seconds}])

    def evaluation(self, rows: Iterable[Row]) -> None:
        """Log scores of held-out questions: rollout, final, set, question, mode, temperature, sample, value, status,
        tokens.
        """
        self._append(EVAL, rows)

    def samples(self, rows: Iterable[Row]) -> None:
        """Log sampled responses under the policy after the rollout's last update."""
        self._append(SAMPLES, rows)

    def recording(self, rollout: int, content: bytes) -> None:
        """Write the recording of one rollout."""
        folder = self.folder / RECORDING
        folder.mkdir(exist_ok=True)
        path = folder / recording_name(rollout)
        write_atomic(path, content)
        self.recorded[f"{RECORDING}/{path.name}"] = extent_of(path)

    def settle(self) -> dict[str, Extent]:
        """Flush all logs to disk and return the extent of each file: what a checkpoint of now covers.

        Raises OSError if another program made a log shorter or longer.
        """
        extents = {name: file.settle() for name, file in self.files.items()}
        if self.recorded:
            sync(self.folder / RECORDING)
        sync(self.folder)
        return {name: extent for name, extent in extents.items() if extent.size} | self.recorded

    def lacks(self, covered: Mapping[str, Extent]) -> str | None:
        """Return what is missing of the files that a checkpoint covers, in words, or None."""
        for name, wanted in covered.items():
            grows = name in self.files
            found = extent_of(self.folder / name, wanted.size if grows else None)
            if found.size < wanted.size:
                return f"{name} has {found.size} of the {wanted.size} bytes that it covers"
            if found != wanted:
                return f"{name} has changed since it was written"
        return None

    def rewind(self, covered: Mapping[str, Extent]) -> None:
        """Truncate all files to the extent that a checkpoint covers, and remove the leftovers of a killed process."""
        fence.check()
        for name, file in self.files.items():
            file.cut(covered[name].size if name in covered else 0)
        self.recorded = {name: extent for name, extent in covered.items() if name not in self.files}
        for path in (self.folder / RECORDING).glob("*"):
            if f"{RECORDING}/{path.name}" not in self.recorded:
                path.unlink()
        for name in (CONFIG, ENVIRONMENT, DONE, FAILED):
            for path in self.folder.glob(f".{name}.*"):
                path.unlink()

    def done(self, content: Mapping[str, Any]) -> None:
        """Mark the run finished, once everything is on disk. The marker records the extent of its logs."""
        write_marker(self.folder, DONE, {**content, "logs": self.ended()})

    def ended(self) -> dict[str, Any]:
        """Return bytes and digest of every log and recording, all of them on disk."""
        return {name: asdict(extent) for name, extent in self.settle().items()}

    def _append(self, name: str, rows: Iterable[Row]) -> None:
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        fence.check()
        self.files[name].append(text)


def recording_name(rollout: int) -> str:
    """Return the file name of a recorded rollout."""
    return f"rollout{rollout:06d}.parquet"


def rollout_of(name: str) -> int:
    """Return the rollout of a recording's file name."""
    return int(name.removeprefix("rollout").removesuffix(".parquet"))


def _earlier(path: Path) -> list[dict[str, Any]]:
    """Return the environment of each earlier process; if their env.json is damaged, the fact that it is."""
    try:
        past = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return [{"unreadable": path.name}]
    return [*past.pop("earlier", []), past]
