"""The run folder: its file names, and RunLog, its only writer.

    config.yaml     the resolved configuration            eval.jsonl      a line a question and sample
    env.json        versions, code revision, hardware     samples.jsonl   responses with segments, ratios and clipped flags
    metrics.jsonl   a line an optimiser step              checkpoints/    safetensors
    timing.jsonl    seconds, a line a rollout             recording/      what the loss saw, a file a recorded rollout
                                                          DONE.json or FAILED.json, last

Every line names the rollout it belongs to (counted from 0), so that a resumed run can drop what its checkpoint does
not cover. Existence of a folder or log never means done; only the marker does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sspo import fence
from sspo.errors import UserError
from sspo.metrics import GLOSSARY, TIMING_KEYS, Metric

CONFIG, ENVIRONMENT = "config.yaml", "env.json"
METRICS, TIMING, EVAL, SAMPLES = "metrics.jsonl", "timing.jsonl", "eval.jsonl", "samples.jsonl"
CHECKPOINTS = "checkpoints"
RECORDING = "recording"
DONE, FAILED = "DONE.json", "FAILED.json"
FAILURES = ("oom", "diverged", "timeout", "killed", "error")


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a whole file or none of it; text is UTF-8. ClaimLost where the run is another worker's by now."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        fence.check()
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_marker(folder: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write DONE.json or FAILED.json; a run has one of them at most."""
    write_atomic(folder / name, json.dumps(content, indent=1, sort_keys=True) + "\n")
    (folder / (FAILED if name == DONE else DONE)).unlink(missing_ok=True)


def mark_failed(folder: Path, reason: str, message: str, log_tail: str = "") -> None:
    """Record a named failure, also of a run that failed before it had a folder."""
    if reason not in FAILURES:
        raise ValueError(f"{reason} is no failure class")
    folder.mkdir(parents=True, exist_ok=True)
    write_marker(folder, FAILED, {"reason": reason, "message": message, "log_tail": log_tail})


class RunLog:
    """Appends to one run folder; every line is flushed, every key must be in the glossary."""

    def __init__(self, folder: Path):
        fence.check()
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / FAILED).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot write the run folder {folder}: {error.strerror}; set run.store to a writable folder"
            ) from error

    def describe(self, config: Mapping[str, Any], environment: Mapping[str, Any], *, resumed: bool) -> None:
        """Write config.yaml and env.json; a resumed run keeps what each earlier process ran under as `earlier`."""
        write_atomic(self.folder / CONFIG, yaml.safe_dump(dict(config), sort_keys=False))
        before = self.folder / ENVIRONMENT
        if resumed and before.is_file():
            past = json.loads(before.read_text(encoding="utf-8"))
            environment = {**environment, "earlier": [*past.pop("earlier", []), past]}
        write_atomic(self.folder / ENVIRONMENT, json.dumps(environment, indent=1, sort_keys=True) + "\n")

    def step(self, step: int, rollout: int, update: int, metrics: Mapping[str, Metric]) -> None:
        """One optimiser step: `step` counts from 1 over the run, `update` from 0 in its rollout."""
        unknown = sorted(set(metrics) - set(GLOSSARY))
        if unknown:
            raise KeyError(f"not in the glossary: {', '.join(unknown)}")
        values = {key: metrics[key].value() for key in GLOSSARY if key in metrics}
        self._append(METRICS, [{"step": step, "rollout": rollout, "update": update, **values}])

    def timing(self, rollout: int, seconds: Mapping[str, float]) -> None:
        """Seconds and speeds of one rollout."""
        unknown = sorted(set(seconds) - set(TIMING_KEYS))
        if unknown:
            raise KeyError(f"not in the glossary: {', '.join(unknown)}")
        self._append(TIMING, [{"rollout": rollout, **seconds}])

    def evaluation(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Scores of held-out questions: rollout, final, set, question, mode, temperature, sample, value, status, tokens."""
        self._append(EVAL, rows)

    def samples(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Sampled responses under the policy after the rollout's last update."""
        self._append(SAMPLES, rows)

    def recording(self, rollout: int, content: bytes) -> None:
        """What the loss saw of one rollout."""
        folder = self.folder / RECORDING
        folder.mkdir(exist_ok=True)
        write_atomic(folder / recording_name(rollout), content)

    def rewind(self, rollouts: int, *, finished: bool) -> None:
        """Keep the lines of the first `rollouts` rollouts (none where there are none); a torn last line goes too.

        Final scores stay only where the run is `finished`: those of a divergence are not those of the last step.
        """
        fence.check()
        for name in (METRICS, TIMING, EVAL, SAMPLES):
            path = self.folder / name
            if path.is_file():
                kept = [
                    line
                    for line, row in (_whole_lines(path) if rollouts else ())
                    if row["rollout"] < rollouts and (finished or not row.get("final"))
                ]
                write_atomic(path, "".join(kept))
        covered = {recording_name(k) for k in range(rollouts)}
        for path in (self.folder / RECORDING).glob("*"):
            if path.name not in covered:
                path.unlink()

    def done(self, content: Mapping[str, Any]) -> None:
        """Mark the run finished."""
        write_marker(self.folder, DONE, content)

    def _append(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
        fence.check()
        with (self.folder / name).open("a", encoding="utf-8") as stream:
            stream.write(text)


def recording_name(rollout: int) -> str:
    """The file name of a recorded rollout."""
    return f"rollout{rollout:06d}.parquet"


def rollout_of(name: str) -> int:
    """The rollout that a recording's file name names."""
    return int(name.removeprefix("rollout").removesuffix(".parquet"))


def _whole_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines that end and parse, each with what it says."""
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        row = _parsed(line)
        if line.endswith("\n") and row is not None:
            yield line, row


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
