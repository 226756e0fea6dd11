"""AdamW with a constant learning rate after a linear warm-up, and the check that a step stayed finite."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import torch

from sspo.config import TrainerConfig
from sspo.errors import UserError
from sspo.models.lora import trainable


class Diverged(Exception):
    """A gradient or weight is no longer finite."""

    logs: Mapping[str, Any]
    """Extent of the run's logs after its last finite checkpoint was scored; empty until then."""

    def __init__(self, message: str):
        super().__init__(message)
        self.logs = {}


BITSANDBYTES = "bitsandbytes"


def check_optimizer(config: TrainerConfig) -> None:
    """Raise UserError if the optimizer's package is not installed."""
    if config.optimizer == "adamw_8bit" and importlib.util.find_spec(BITSANDBYTES) is None:
        raise UserError(
            f"trainer.optimizer=adamw_8bit requires the package {BITSANDBYTES}, which is not installed: run `make setup-8bit`, or use "
            "trainer.optimizer=adamw_fused"
        )


def build_optimizer(model: torch.nn.Module, config: TrainerConfig) -> torch.optim.Optimizer:
    """Return AdamW over the trained parameters. In 8 bits, moments of tensors below 4,096 numbers stay in float32."""
    check_optimizer(config)
    optimizer: torch.optim.Optimizer = _kind(config.optimizer)(
        trained(model),
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
    )
    return optimizer


def _kind(name: str) -> Callable[..., torch.optim.Optimizer]:
    if name == "adamw_8bit":
        from bitsandbytes.optim import AdamW8bit  # not part of requirements.lock

        eight_bit: Callable[..., torch.optim.Optimizer] = AdamW8bit
        return eight_bit
    return functools.partial(torch.optim.AdamW, fused=True) if name == "adamw_fused" else torch.optim.AdamW


def trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Return the parameters that training changes: all, or only adapters."""
    return [parameter for _, parameter in trainable(model)]


def learning_rate(config: TrainerConfig, step: int) -> float:
    """Return the learning rate of optimizer step `step`, counted from 1."""
    return config.lr * min(1.0, step / config.warmup_steps) if config.warmup_steps else config.lr


def apply_gradients(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, config: TrainerConfig, step: int
) -> float:
    """Apply one optimizer step from accumulated gradients; return their norm before clipping. Raises Diverged."""
    norm = float(torch.nn.utils.clip_grad_norm_(trained(model), config.max_grad_norm))
    check_norm(norm, step)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, step)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def check_norm(norm: float, step: int) -> None:
    """Raise Diverged if the norm of an optimizer step's gradients is not finite."""
    if not torch.isfinite(torch.tensor(norm)):
        raise Diverged(f"gradient norm is {norm} at optimizer step {step}")


def check_finite(model: torch.nn.Module, step: int) -> None:
    """Raise Diverged if a weight is not finite, so that none is ever saved or scored."""
    if not all(bool(torch.isfinite(parameter).all()) for parameter in trained(model)):
        raise Diverged(f"a weight is not finite after optimizer step {step}")
