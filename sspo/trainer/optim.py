"""AdamW with a constant learning rate after a linear warm-up, and the check that a step stayed finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from sspo.config import TrainerConfig


class Diverged(Exception):
    """A gradient or weight is no longer a finite number."""

    logs: Mapping[str, Any]
    """What the run's logs are after its last finite checkpoint was scored; empty until then."""

    def __init__(self, message: str):
        super().__init__(message)
        self.logs = {}


def build_optimizer(model: torch.nn.Module, config: TrainerConfig) -> torch.optim.AdamW:
    """AdamW over all parameters."""
    return torch.optim.AdamW(
        model.parameters(),
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
    )


def learning_rate(config: TrainerConfig, step: int) -> float:
    """The rate of optimiser step `step`, counted from 1."""
    return config.lr * min(1.0, step / config.warmup_steps) if config.warmup_steps else config.lr


def apply_gradients(
    model: torch.nn.Module, optimizer: torch.optim.AdamW, config: TrainerConfig, step: int
) -> float:
    """One optimiser step from accumulated gradients; returns their norm before clipping. Raises Diverged."""
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm))
    if not torch.isfinite(torch.tensor(norm)):
        raise Diverged(f"gradient norm is {norm} at optimiser step {step}")
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, step)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def check_finite(model: torch.nn.Module, step: int) -> None:
    """Raises Diverged where a weight is no finite number, so that none is ever saved or scored."""
    if not all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters()):
        raise Diverged(f"a weight is not finite after optimiser step {step}")
