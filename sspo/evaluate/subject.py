"""The weights of an evaluation: a base model, or the result of a training run."""

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
    """Digest of the weights."""
    rollouts: int
    """Finished rollouts."""
    options: Mapping[str, Any]
    """The run's configuration, from its config.yaml."""
    base: str | None
    """The fingerprint of the base that it was trained from; None if its env.json does not record it."""
    state: str
    """done, diverged, failed or unfinished."""
    store: Path | None
    """The run store that contains it."""

    @property
    def of(self) -> int | None:
        """Return the rollouts that the run was planned to have."""
        trainer = self.options.get("trainer")
        rollouts = trainer.get("rollouts") if isinstance(trainer, Mapping) else None
        return rollouts if isinstance(rollouts, int) else None

    def remark(self) -> str | None:
        """Return a warning if the weights are not those of the run's fixed last step."""
        if self.state == "done":
            return None
        return f"warning: the run is {self.state}: these are its weights after rollout {self.rollouts} of {self.of}"


def is_run(path: str) -> bool:
    """Return whether a model path is a run folder."""
    folder = Path(path).expanduser()
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def refuse_cell(path: str) -> None:
    """Raise UserError for the folder above runs."""
    folder, places = Path(path).expanduser(), (f"seed*/{CONFIG}", f"*/seed*/{CONFIG}")
    runs = sorted(one.parent for place in places for one in folder.glob(place))
    if runs:
        raise UserError(
            f"model={path} holds {len(runs)} runs and is not one itself: name one of them, such as model={runs[0]}"
        )


def read_run(path: str) -> Trained:
    """Return the last complete checkpoint of a run folder. Raises UserError if there is none."""
    folder = Path(path).expanduser()
    options = read_yaml(folder / CONFIG)
    choice = checkpoint_files.choose(folder / CHECKPOINTS)
    if choice.checkpoint is None:
        why = "; ".join(choice.refused.values()) or "it has none"
        raise UserError(f"model={path} is a run folder without a usable checkpoint ({why})")
    state = read_object(choice.checkpoint / STATE, "use a different checkpoint") or {}
    environment = read_object(folder / ENVIRONMENT, "use a different run folder") or {}
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
    failed = read_object(folder / FAILED, "use a different run folder")
    if failed is None:
        return "unfinished"
    return "diverged" if failed.get("reason") == "diverged" else "failed"


def _store(folder: Path) -> Path | None:
    above = [parent for parent in folder.parents if parent.name == "cells"]
    return above[0].parent if above else None
