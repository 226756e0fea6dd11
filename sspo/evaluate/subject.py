"""Which weights an evaluation asks: a base model, or what a training run of ours ended with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.config.json_file import read_object
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.runs.runlog import CHECKPOINTS, CONFIG, DONE, ENVIRONMENT, FAILED
from sspo.trainer import checkpoint_files
from sspo.trainer.checkpoint_files import STATE


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The weights of a run folder, and the configuration that they were trained under."""

    checkpoint: Path
    sha256: str
    """Of the weights."""
    rollouts: int
    """Finished rollouts."""
    options: Mapping[str, Any]
    """The run's configuration, as its config.yaml has it."""
    base: str | None
    """The fingerprint of the base that it was trained from; None where its env.json does not say."""
    state: str
    """done, diverged, failed or unfinished."""
    store: Path | None
    """The run store that it lies in."""

    @property
    def of(self) -> int | None:
        """Rollouts that it was to have."""
        trainer = self.options.get("trainer")
        rollouts = trainer.get("rollouts") if isinstance(trainer, Mapping) else None
        return rollouts if isinstance(rollouts, int) else None

    def remark(self) -> str | None:
        """What is worth a warning: weights that are not those of the run's fixed last step."""
        if self.state == "done":
            return None
        return f"warning: the run is {self.state}: these are its weights after rollout {self.rollouts} of {self.of}"


def is_run(path: str) -> bool:
    """Whether a model path is a run folder of ours."""
    folder = Path(path).expanduser()
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def refuse_cell(path: str) -> None:
    """Raise UserError for the folder above runs."""
    folder, places = Path(path).expanduser(), (f"seed*/{CONFIG}", f"*/seed*/{CONFIG}")
    runs = sorted(one.parent for place in places for one in folder.glob(place))
    if runs:
        raise UserError(
            f"model={path} holds {len(runs)} runs and is none: give one of them, as model={runs[0]}"
        )


def read_run(path: str) -> Trained:
    """The last whole checkpoint of a run folder. Raises UserError where there is none."""
    folder = Path(path).expanduser()
    options = read_yaml(folder / CONFIG)
    choice = checkpoint_files.choose(folder / CHECKPOINTS)
    if choice.checkpoint is None:
        why = "; ".join(choice.refused.values()) or "it has none"
        raise UserError(f"model={path} is a run folder without a checkpoint that can be used ({why})")
    state = read_object(choice.checkpoint / STATE, "take another checkpoint") or {}
    environment = read_object(folder / ENVIRONMENT, "give another run folder") or {}
    return Trained(
        checkpoint=choice.checkpoint,
        sha256=checkpoint_files.weights_digest(choice.checkpoint),
        rollouts=int(state["rollouts"]),
        options=options,
        base=environment.get("base"),
        state=_state(folder),
        store=_store(folder),
    )


def _state(folder: Path) -> str:
    if (folder / DONE).is_file():
        return "done"
    failed = read_object(folder / FAILED, "give another run folder")
    if failed is None:
        return "unfinished"
    return "diverged" if failed.get("reason") == "diverged" else "failed"


def _store(folder: Path) -> Path | None:
    above = [parent for parent in folder.parents if parent.name == "cells"]
    return above[0].parent if above else None
