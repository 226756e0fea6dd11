"""What a checkpoint holds: weights, optimiser moments and a RunState. Which ones there are is trainer/checkpoint_files.py's affair.

Random streams derive from (seed, purpose, step), so weights, optimiser moments, two counters and where the
clip controller is are all of a run's state.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sspo.objective.clip_controller import ClipControl
from sspo.runs import fence
from sspo.runs.runlog import RunLog
from sspo.trainer import checkpoint_files
from sspo.trainer.checkpoint_files import MODEL, OPTIMIZER, STATE


@dataclass(frozen=True, kw_only=True)
class RunState:
    """All of a run's state besides weights and optimiser moments."""

    rollouts: int = 0
    """Finished rollouts."""
    steps: int = 0
    """Optimiser steps taken."""
    rollout0_sha256: str | None = None
    """Hash of the first rollout's tokens; None before it."""
    seconds: float = 0.0
    """Wall time so far."""
    control: ClipControl = field(default_factory=ClipControl)
    """The clip controller's state, at rest where there is none."""


class Checkpoints:
    """The checkpoints of one run: of this model and optimiser, in this folder."""

    def __init__(
        self,
        folder: Path,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        keep: int,
        say: Callable[[str | None], None],
    ):
        """`say` tells the user where a checkpoint cannot be used."""
        self.folder = folder
        self.model = model
        self.optimizer = optimizer
        self.keep = keep
        self.say = say

    def save(self, state: RunState, log: RunLog) -> None:
        """Save the run's state and how far its logs go, which are on the disk before it is there. Raises OSError."""
        fence.check()
        covered = log.settle()
        checkpoint_files.add(
            self.folder,
            state.rollouts,
            lambda folder: write(folder, self.model, self.optimizer, state),
            covered,
            keep=self.keep,
        )

    def resume(self, log: RunLog) -> RunState:
        """Load the last checkpoint that can be used, and cut the logs back to what it covers."""
        checkpoint_files.clear_leftovers(self.folder)
        choice = self.choose(log)
        for refused in choice.refused:
            checkpoint_files.drop(refused)
        log.rewind(choice.covered)
        return self.load(choice) or RunState()

    def choose(self, log: RunLog | None = None) -> checkpoint_files.Choice:
        """The last checkpoint that is whole and, where a log is given, whose logs are all there."""
        choice = checkpoint_files.choose(self.folder, log)
        self.say(choice.sentence())
        return choice

    def load(self, choice: checkpoint_files.Choice) -> RunState | None:
        """Load what was chosen; None where that is the base model."""
        if choice.checkpoint is None:
            return None
        return restore(choice.checkpoint, self.model, self.optimizer)

    def keep_last(self, keep: int) -> None:
        """Drop all but the last `keep`."""
        checkpoint_files.keep_last(self.folder, keep)


def write(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: RunState) -> None:
    """Write all of a run's state into a folder. Raises OSError."""
    names: dict[torch.Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    moments = {
        f"{names[parameter]}|{key}": value.contiguous()
        for parameter, moment in optimizer.state.items()
        for key, value in moment.items()
    }
    _save({name: p.detach().contiguous() for p, name in names.items()}, folder / MODEL)
    _save(moments, folder / OPTIMIZER)
    (folder / STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    try:
        save_file(tensors, path)
    except SafetensorError as error:  # its name for a full disk too
        raise OSError(errno.EIO, str(error), str(path)) from error


def load_weights(checkpoint: Path, model: torch.nn.Module) -> None:
    """Copy a checkpoint's weights into the model."""
    weights = load_file(checkpoint / MODEL)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])


def restore(checkpoint: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> RunState:
    """Load weights and moments; returns the state they belong to."""
    load_weights(checkpoint, model)
    moments = load_file(checkpoint / OPTIMIZER)
    for name, parameter in model.named_parameters():
        moment = {
            key.removeprefix(f"{name}|"): value if key.endswith("|step") else value.to(parameter.device)
            for key, value in moments.items()
            if key.startswith(f"{name}|")
        }
        if moment:
            optimizer.state[parameter] = moment
    state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return RunState(**{**state, "control": ClipControl(**state["control"])})
