"""Checkpoints: safetensors in a folder that appears whole or not at all. The last one is kept.

Random streams derive from (seed, purpose, step), so weights, optimiser moments, two counters and where the
clip controller is are all of a run's state.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from sspo import fence
from sspo.objective.control import ClipControl

MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"


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


def save(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: RunState) -> None:
    """Write `folder`/rollout<k> for k finished rollouts, then drop older ones."""
    fence.check()
    final = folder / folder_name(state.rollouts)
    partial = folder / f".partial-{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    names: dict[torch.Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    save_file({name: p.detach().contiguous() for p, name in names.items()}, partial / MODEL)
    moments = {
        f"{names[parameter]}|{key}": value.contiguous()
        for parameter, moment in optimizer.state.items()
        for key, value in moment.items()
    }
    save_file(moments, partial / OPTIMIZER)
    (partial / STATE).write_text(json.dumps(asdict(state)))
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for other in folder.iterdir():
        if other != final:
            shutil.rmtree(other)


def folder_name(rollouts: int) -> str:
    """The name of a checkpoint after so many finished rollouts."""
    return f"rollout{rollouts:06d}"


def latest(folder: Path) -> Path | None:
    """The newest whole checkpoint."""
    return max(folder.glob("rollout*"), default=None)


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
    state = json.loads((checkpoint / STATE).read_text())
    return RunState(**{**state, "control": ClipControl(**state.get("control", {}))})
