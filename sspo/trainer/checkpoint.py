"""The content of a checkpoint: the model, optimizer moments and a RunState. trainer/checkpoint_files.py manages the
folders, and trainer/saved_model.py the model's files.

Random streams derive from (seed, purpose, step), so weights, optimizer moments, two counters and the state of the clip
controller are a run's whole state.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file

from sspo.models.policy import Policy
from sspo.objective.clip_controller import ClipControl
from sspo.runs import fence
from sspo.runs.runlog import RunLog
from sspo.trainer import checkpoint_files
from sspo.trainer.checkpoint_files import OPTIMIZER, STATE
from sspo.trainer.saved_model import SavedModel, full_disk, load_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class RunState:
    """A run's whole state except weights and optimizer moments."""

    rollouts: int = 0
    """Finished rollouts."""
    steps: int = 0
    """Completed optimizer steps."""
    rollout0_sha256: str | None = None
    """Hash of the first rollout's tokens; None before it."""
    seconds: float = 0.0
    """Wall time so far."""
    control: ClipControl = field(default_factory=ClipControl)
    """The clip controller's state, initial if there is no controller."""


class Checkpoints:
    """The checkpoints of one run: of this policy and optimizer, in this folder."""

    def __init__(
        self,
        folder: Path,
        policy: Policy,
        optimizer: torch.optim.Optimizer,
        keep: int,
        say: Callable[[str | None], None],
    ):
        """Open the checkpoints of a run; `say` prints the reason if one cannot be used."""
        self.folder = folder
        self.model = policy.model
        self.saved = SavedModel(policy)
        self.optimizer = optimizer
        self.keep = keep
        self.say = say

    def save(self, state: RunState, log: RunLog) -> None:
        """Save the run's state and the extent of its logs, which are flushed to disk first. Raises OSError."""
        fence.check()
        covered = log.settle()
        checkpoint_files.add(
            self.folder,
            state.rollouts,
            lambda folder: self._write(folder, state),
            covered,
            keep=self.keep,
        )

    def resume(self, log: RunLog) -> RunState:
        """Load the last usable checkpoint, and truncate the logs to its extent."""
        checkpoint_files.clear_leftovers(self.folder)
        choice = self.choose(log)
        for refused in choice.refused:
            checkpoint_files.drop(refused)
        log.rewind(choice.covered)
        return self.load(choice) or RunState()

    def choose(self, log: RunLog | None = None) -> checkpoint_files.Choice:
        """Return the last checkpoint that is complete and, if a log is given, whose logs are all present."""
        choice = checkpoint_files.choose(self.folder, log)
        self.say(choice.sentence())
        return choice

    def load(self, choice: checkpoint_files.Choice) -> RunState | None:
        """Load the chosen checkpoint; return None if the choice is the base model."""
        if choice.checkpoint is None:
            return None
        return restore(choice.checkpoint, self.model, self.optimizer)

    def keep_last(self, keep: int) -> None:
        """Delete all but the last `keep`."""
        checkpoint_files.keep_last(self.folder, keep)

    def _write(self, folder: Path, state: RunState) -> None:
        self.saved.write(folder)
        save_moments(folder / OPTIMIZER, self.model, self.optimizer)
        (folder / STATE).write_text(json.dumps(asdict(state)), encoding="utf-8")


def save_moments(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Save an optimizer's moments, step counts and other state per parameter. Raises OSError."""
    names: dict[torch.Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    kept: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for parameter, moment in optimizer.state.items():
        for key, value in moment.items():
            tensor = torch.as_tensor(value).contiguous()
            if tensor.data_ptr() in seen:  # 8-bit moments share one lookup table, which a file cannot express
                tensor = tensor.clone()
            seen.add(tensor.data_ptr())
            kept[f"{names[parameter]}|{key}"] = tensor
    with full_disk(path):
        save_file(kept, path)


def load_moments(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Load the saved state of each parameter into the optimizer."""
    moments, fused = load_file(path), bool(optimizer.defaults.get("fused"))
    for name, parameter in model.named_parameters():
        moment = {
            key.removeprefix(f"{name}|"): _as_it_was(key, value, parameter.device, fused=fused)
            for key, value in moments.items()
            if key.startswith(f"{name}|")
        }
        if moment:
            optimizer.state[parameter] = moment


def _as_it_was(key: str, value: torch.Tensor, device: torch.device, *, fused: bool) -> torch.Tensor | int:
    """Return a value in the optimizer's type: torch counts steps in a float on the CPU, or beside the weights if fused;
    bitsandbytes counts in an int.
    """
    if key.endswith("|step") and not fused:
        return value if value.is_floating_point() else int(value)
    return value.to(device)


def restore(checkpoint: Path, model: PreTrainedModel, optimizer: torch.optim.Optimizer) -> RunState:
    """Load weights and moments; return the state that they belong to."""
    load_weights(checkpoint, model)
    load_moments(checkpoint / OPTIMIZER, model, optimizer)
    state = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return RunState(**{**state, "control": ClipControl(**state["control"])})
