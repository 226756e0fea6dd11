"""Which of transformers' implementations of attention a model takes, and what each of them asks of the machine."""

from __future__ import annotations

import importlib.util

import torch

from sspo.errors import UserError

AUTO = "auto"
"""Leaves it to transformers: sdpa where the architecture has it."""
ON_CUDA = ("flash_attention_2", "flex_attention")
"""Those that train on CUDA alone."""
FLASH = "flash_attention_2"


def check_attention(attention: str, device: torch.device, precision: str) -> None:
    """Raise UserError for an implementation that this machine lacks."""
    key = f"model.attention={attention}"
    if attention in ON_CUDA and device.type != "cuda":
        raise UserError(
            f"{key} trains on CUDA alone, and the device is {device.type}; take auto, sdpa or eager"
        )
    if attention != FLASH:
        return
    if precision != "bfloat16":
        raise UserError(
            f"{key} computes in bfloat16 alone, and the precision is {precision}; take sdpa, or model.precision=bfloat16"
        )
    # without the package transformers would fetch a kernel from the hub, which is code
    if importlib.util.find_spec("flash_attn") is None:
        raise UserError(
            f"{key} takes the package flash-attn, which is not installed: install it, or take auto or sdpa"
        )


def check_taken(path: str, attention: str, taken: str) -> None:
    """Raise UserError where the architecture took another implementation than the one that was asked for."""
    if attention not in (AUTO, taken):
        raise UserError(
            f"model.path={path}: its architecture has no model.attention={attention}, and would take {taken}; set that, or auto"
        )
