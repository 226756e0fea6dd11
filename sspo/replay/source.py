"""A recorded run on disk: its configuration, its recordings in order, and its logs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from transformers import PreTrainedTokenizerFast

from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.config.validation import validate
from sspo.errors import UserError
from sspo.models.policy import load_tokenizer
from sspo.recording.file import read_recorded
from sspo.recording.recorded import RecordedRollout
from sspo.runs.identity import cell_hash
from sspo.runs.runlog import (
    CHECKPOINTS,
    CONFIG,
    DONE,
    ENVIRONMENT,
    FAILED,
    METRICS,
    RECORDING,
    recording_name,
)
from sspo.trainer import checkpoint_files


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """One run folder that holds a recording."""

    folder: Path
    config: TrainConfig
    files: tuple[Path, ...]
    """Recorded rollouts, oldest first."""
    tokenizer: PreTrainedTokenizerFast
    environment: Mapping[str, Any]
    state: str
    """done, `failed (reason)`, or unfinished."""

    def read(self, path: Path) -> RecordedRollout:
        """Read one of the recordings. Raises UserError if it is damaged or misnamed."""
        recorded = read_recorded(path)
        if path.name != recording_name(recorded.number):
            raise UserError(
                f"{path} holds rollout {recorded.number}: rename it accordingly, or delete the copy"
            )
        return replace(recorded, vocabulary=len(self.tokenizer))

    def logged_steps(self) -> dict[int, dict[str, Any]]:
        """Return the lines of metrics.jsonl by optimizer step."""
        path = self.folder / METRICS
        try:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            return {row["step"]: row for row in rows}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"{path} cannot be read completely ({error}): finish the run, then replay it"
            ) from error

    def checkpoint_after(self, rollout: int) -> Path | None:
        """Return the checkpoint of the policy right after the rollout's last update, if it is the run's last."""
        last = checkpoint_files.checkpoints(self.folder / CHECKPOINTS)[-1:]
        return next(
            (found for found in last if found.name == checkpoint_files.folder_name(rollout + 1)), None
        )

    def describe(self) -> dict[str, Any]:
        """Return the identity of the run, without a path of the machine."""
        return {
            "cell": cell_hash(self.config),
            "seed": self.config.seed,
            "state": self.state,
            "arm": self.config.run.arm or self.config.objective.name,
            "objective": self.config.objective.name,
            "git_revision": self.environment.get("git_revision"),
            "code_sha256": self.environment.get("code_sha256"),
        }


def open_run(folder: Path) -> RecordedRun:
    """Return the recorded run in a folder. Raises UserError if there is no run, or nothing was recorded."""
    if not (folder / CONFIG).is_file():
        raise UserError(f"{folder} is not a run folder: it has no {CONFIG}; use <store>/cells/<cell>/seed<k>")
    files = tuple(sorted((folder / RECORDING).glob("rollout*.parquet")))
    if not files:
        raise UserError(
            f"{folder} holds no recording: train it with trainer.record=k, which writes every k-th rollout"
        )
    config = _config(folder / CONFIG)
    return RecordedRun(
        folder=folder,
        config=config,
        files=files,
        tokenizer=load_tokenizer(config.model.path),
        environment=_read(folder / ENVIRONMENT, json.loads),
        state=_state(folder),
    )


def _config(path: Path) -> TrainConfig:
    try:
        return validate(build(TrainConfig, _read(path, yaml.safe_load)))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _state(folder: Path) -> str:
    if (folder / DONE).is_file():
        return "done"
    if (folder / FAILED).is_file():
        return f"failed ({_read(folder / FAILED, json.loads).get('reason')})"
    return "unfinished"


def _read(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Return the mapping in a file. Raises UserError if it does not hold one."""
    try:
        values = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} does not hold a mapping: a run did not write it")
    return values
