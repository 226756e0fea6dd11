"""A run folder rebuilt from a run's record and lines in compact logs: the files that a report reads, without checkpoints and
recordings."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sspo.runs import runlog
from sspo.runs.carried import PLANNED
from sspo.runs.logfile import extent_of
from sweeps.plan.plan import Trial

LOGS = (runlog.METRICS, runlog.EVAL, runlog.SAMPLES, runlog.TIMING)
ENVIRONMENT = {
    "revision": "git_revision",
    "dirty_sha256": "git_diff_sha256",
    "code_sha256": "code_sha256",
    "code_key": "code_key",
    "epoch": "epoch",
    "base": "base",
    "versions": "versions",
}
"""Key of env.json by key of runs.json."""
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Lines by log name."""


def write_restored(trial: Trial, record: Mapping[str, Any], rows: Rows, origin: Mapping[str, Any]) -> None:
    """Write the folder of a trial that has none, atomically. `origin` records where it comes from.

    Raises UserError if it cannot be written.
    """
    partial = trial.folder.with_name(f".restored-{trial.folder.name}-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _fill(partial, trial, record, rows, origin)
        partial.rename(trial.folder)
    except OSError as error:
        raise UserError(
            f"cannot write {trial.folder}: {error.strerror}; fix that and restore again"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(
    folder: Path, trial: Trial, record: Mapping[str, Any], rows: Rows, origin: Mapping[str, Any]
) -> None:
    config = quick_compose((*trial.overrides, f"seed={trial.seed}"))
    environment = {
        theirs: record[ours] for ours, theirs in ENVIRONMENT.items() if record.get(ours) is not None
    }
    (folder / runlog.CONFIG).write_text(yaml.safe_dump(asdict(config), sort_keys=False), encoding="utf-8")
    (folder / runlog.ENVIRONMENT).write_text(text(environment), encoding="utf-8")
    if record.get("planned"):
        (folder / PLANNED).write_text(text(record["planned"]), encoding="utf-8")
    samples = [line for row in rows[runlog.SAMPLES] if (line := _sample_line(row)) is not None]
    for name, lines in (
        (runlog.METRICS, rows[runlog.METRICS]),
        (runlog.EVAL, rows[runlog.EVAL]),
        (runlog.SAMPLES, samples),
        (runlog.TIMING, rows.get(runlog.TIMING, ())),
    ):
        if lines:
            (folder / name).write_text(
                "".join(json.dumps(_plain(line), allow_nan=False) + "\n" for line in lines), encoding="utf-8"
            )
    logs = {name: asdict(extent_of(folder / name)) for name in LOGS if (folder / name).is_file()}
    if record["status"] == "done":
        metrics = rows[runlog.METRICS]
        marker, content = runlog.DONE, {
            "steps": max((int(line["step"]) for line in metrics), default=0),
            "rollouts": max((int(line["rollout"]) + 1 for line in metrics), default=0),
            "seconds": record.get("seconds"),
            "rollout0_sha256": record.get("rollout0_sha256"),
        }  # fmt: skip
    else:
        marker = runlog.FAILED
        content = {"reason": "diverged", "message": str(record.get("message", "")), "log_tail": ""}
    (folder / marker).write_text(text({**content, "logs": logs, "restored": origin}), encoding="utf-8")


def _plain(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line as a run logs it: values that were not logged are absent."""
    return {key: value for key, value in line.items() if value is not None and value == value}


def _sample_line(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a line of samples.jsonl; None for a response whose compact logs keep only the beginning."""
    if len(row["texts"]) < row["tokens"]:
        return None
    pieces = [i for i, tokens in enumerate(row["segment_tokens"]) for _ in range(tokens)]
    of_piece = row.get("piece_segment") or range(len(row["segment_tokens"]))
    return {
        "rollout": row["rollout"],
        "row": row["row"],
        "prompt": row["prompt"],
        "texts": row["texts"],
        "segment_ids": [of_piece[i] for i in pieces],
        "advantage": row["advantage"],
        "segment_entropy": [row["segment_entropy"][i] for i in pieces],
        "log_ratio": row["log_ratio"],
        "clipped": row["clipped"],
    }


def text(content: Mapping[str, Any]) -> str:
    """Return JSON text in the format of run files."""
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
