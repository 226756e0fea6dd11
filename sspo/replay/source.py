"""A recorded run on disk: its configuration, its recordings in order, and what it logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from transformers import PreTrainedTokenizerFast

from sspo.build import build
from sspo.config import TrainConfig
from sspo.errors import UserError
from sspo.identity import cell_hash
from sspo.policy import load_tokenizer
from sspo.recording.file import read_recorded
from sspo.recording.recorded import RecordedRollout
from sspo.runlog import CHECKPOINTS, CONFIG, ENVIRONMENT, METRICS, RECORDING
from sspo.trainer import checkpoint


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """One run folder that holds a recording."""

    folder: Path
    config: TrainConfig
    files: tuple[Path, ...]
    """Recorded rollouts, oldest first."""
    tokenizer: PreTrainedTokenizerFast

    def rollouts(self) -> Iterator[RecordedRollout]:
        """The recordings one by one; only one is in memory. Raises UserError where one is damaged."""
        return map(read_recorded, self.files)

    def logged_steps(self) -> dict[int, dict[str, Any]]:
        """Lines of metrics.jsonl by optimiser step."""
        path = self.folder / METRICS
        try:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path} cannot be read whole ({error}): finish the run, then replay it"
            ) from error
        return {row["step"]: row for row in rows}

    def checkpoint_after(self, rollout: int) -> Path | None:
        """The checkpoint of the policy right after the rollout's last update, if it was kept."""
        found = checkpoint.latest(self.folder / CHECKPOINTS)
        is_its = found is not None and found.name == checkpoint.folder_name(rollout + 1)
        return found if is_its else None

    def describe(self) -> dict[str, Any]:
        """Which run this is, without a path of the machine."""
        environment = json.loads((self.folder / ENVIRONMENT).read_text(encoding="utf-8"))
        return {
            "cell": cell_hash(self.config),
            "seed": self.config.seed,
            "arm": self.config.run.arm or self.config.objective.name,
            "objective": self.config.objective.name,
            "git_revision": environment.get("git_revision"),
            "code_sha256": environment.get("code_sha256"),
        }


def open_run(folder: Path) -> RecordedRun:
    """The recorded run in a folder. Raises UserError where there is no run, or nothing was recorded."""
    if not (folder / CONFIG).is_file():
        raise UserError(f"{folder} is no run folder: it has no {CONFIG}; give <store>/cells/<cell>/seed<k>")
    files = tuple(sorted((folder / RECORDING).glob("rollout*.parquet")))
    if not files:
        raise UserError(
            f"{folder} holds no recording: train it with trainer.record=k, which writes every k-th rollout"
        )
    try:
        values = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{folder / CONFIG} cannot be read ({' '.join(str(error).split())})") from error
    config = build(TrainConfig, values)
    return RecordedRun(folder=folder, config=config, files=files, tokenizer=load_tokenizer(config.model.path))
