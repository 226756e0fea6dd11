"""The attention implementations of transformers, and the requirements of each on the machine."""

from __future__ import annotations

import importlib.util

import torch

from sspo.errors import UserError

AUTO = "auto"
"""Leaves the choice to transformers: sdpa if the architecture supports it."""
ON_CUDA = ("flash_attention_2", "flex_attention")
"""Implementations that train only on CUDA."""
FLASH = "flash_attention_2"


def check_attention(attention: str, device: torch.device, precision: str) -> None:
    """Raise UserError for an implementation that this machine does not support."""
    key = f"model.attention={attention}"
    if attention in ON_CUDA and device.type != "cuda":
        raise UserError(
            f"{key} trains only on CUDA, and the device is {device.type}; use auto, sdpa or eager"
        )
    if attention != FLASH:
        return
    if precision != "bfloat16":
        raise UserError(
            f"{key} computes only in bfloat16, and the precision is {precision}; use sdpa, or model.precision=bfloat16"
        )
    # without the package, transformers would download a kernel from the hub, which is code
    if importlib.util.find_spec("flash_attn") is None:
        raise UserError(
            f"{key} requires the package flash-attn, which is not installed: install it, or use auto or sdpa"
        )


def check_taken(path: str, attention: str, taken: str) -> None:
    """Raise UserError if the architecture uses an implementation that differs from the requested one."""
    if attention not in (AUTO, taken):
        raise UserError(
            f"model.path={path}: its architecture does not support model.attention={attention} and would use {taken}; set that, or auto"
        )
