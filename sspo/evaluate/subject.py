"""Which weights an evaluation asks: a base model, or what a training run of ours ended with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.config.json_file import read_object
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.runs.runlog import CHECKPOINTS, CONFIG
from sspo.trainer import checkpoint_files
from sspo.trainer.checkpoint_files import MODEL, STATE


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


def is_run(path: str) -> bool:
    """Whether a model path is a run folder of ours."""
    folder = Path(path).expanduser()
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def read_run(path: str) -> Trained:
    """The last whole checkpoint of a run folder. Raises UserError where there is none."""
    folder = Path(path).expanduser()
    options = read_yaml(folder / CONFIG)
    choice = checkpoint_files.choose(folder / CHECKPOINTS)
    if choice.checkpoint is None:
        why = "; ".join(choice.refused.values()) or "it has none"
        raise UserError(f"model={path} is a run folder without a checkpoint that can be used ({why})")
    sums = (choice.checkpoint / checkpoint_files.SUMS).read_text(encoding="utf-8").splitlines()
    digests = {name: digest for digest, _, name in (line.partition("  ") for line in sums)}
    state = read_object(choice.checkpoint / STATE, "take another checkpoint")
    return Trained(
        checkpoint=choice.checkpoint,
        sha256=digests[MODEL],
        rollouts=int((state or {})["rollouts"]),
        options=options,
    )
