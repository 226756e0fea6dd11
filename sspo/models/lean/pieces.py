"""Parts of a decoder as functions of rows without padding, each with a backward pass that saves and reads as little as
possible.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import Function

from sspo.models.device import at_least_float32


class _RmsNorm(Function):
    @staticmethod
    def forward(ctx: Any, x_NH: torch.Tensor, weight_H: torch.Tensor, eps: float) -> torch.Tensor:
        x_NH = at_least_float32(x_NH)  # as transformers does: rounding a norm to bfloat16 shifts a whole row
        scale_N1 = torch.linalg.vector_norm(x_NH, dim=-1, keepdim=True).square_()
        scale_N1 = scale_N1.div_(x_NH.shape[-1]).add_(eps).rsqrt_()
        unit_NH = x_NH * scale_N1
        ctx.save_for_backward(unit_NH, scale_N1, weight_H)
        normed_NH: torch.Tensor = unit_NH * weight_H
        return normed_NH

    @staticmethod
    def backward(ctx: Any, grad_NH: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        unit_NH, scale_N1, weight_H = ctx.saved_tensors
        weight_grad = None
        if ctx.needs_input_grad[1]:
            weight_grad = (grad_NH * unit_NH).flatten(0, -2).sum(0)
        grad_NH = grad_NH * weight_H
        along_N1 = torch.linalg.vecdot(grad_NH, unit_NH)[..., None].div_(-unit_NH.shape[-1])
        return grad_NH.addcmul_(unit_NH, along_N1).mul_(scale_N1), weight_grad, None


def rms_norm(x_NH: torch.Tensor, weight_H: torch.Tensor, eps: float) -> torch.Tensor:
    """Return x over the root of its mean square, times the weight (arXiv 1910.07467), in at least float32.

    Any number of dimensions may precede the last.
    """
    result: torch.Tensor = _RmsNorm.apply(x_NH, weight_H, eps)  # type: ignore[no-untyped-call]
    return result


def turned(x_NHD: torch.Tensor, cos_N1D: torch.Tensor, sin_N1D: torch.Tensor) -> torch.Tensor:
    """Return each half of a head's dimensions rotated against the other (arXiv 2104.09864), paired as in transformers."""
    return torch.addcmul(x_NHD * cos_N1D, x_NHD.roll(x_NHD.shape[-1] // 2, -1), sin_N1D)


class _Rotate(Function):
    @staticmethod
    def forward(ctx: Any, x_NHD: torch.Tensor, cos_N1D: torch.Tensor, sin_N1D: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(cos_N1D, sin_N1D)
        return turned(x_NHD, cos_N1D, sin_N1D)

    @staticmethod
    def backward(ctx: Any, grad_NHD: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        cos_N1D, sin_N1D = ctx.saved_tensors
        return turned(grad_NHD, cos_N1D, -sin_N1D), None, None


def rotate(x_NHD: torch.Tensor, cos_N1D: torch.Tensor, sin_N1D: torch.Tensor) -> torch.Tensor:
    """Return `turned`; its gradient is rotated back, and no part of x is kept for it."""
    result: torch.Tensor = _Rotate.apply(x_NHD, cos_N1D, sin_N1D)  # type: ignore[no-untyped-call]
    return result


class _Gate(Function):
    @staticmethod
    def forward(ctx: Any, gate_NF: torch.Tensor, up_NF: torch.Tensor) -> torch.Tensor:
        sigmoid_NF = torch.sigmoid(gate_NF)
        ctx.save_for_backward(gate_NF, up_NF, sigmoid_NF)
        return (sigmoid_NF * gate_NF).mul_(up_NF)

    @staticmethod
    def backward(ctx: Any, grad_NF: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        gate_NF, up_NF, sigmoid_NF = ctx.saved_tensors
        silu_NF = sigmoid_NF * gate_NF
        up_grad = grad_NF * silu_NF
        # d silu(g) / dg = sigmoid + silu * (1 - sigmoid)
        slope_NF = silu_NF.addcmul_(silu_NF, sigmoid_NF, value=-1).add_(sigmoid_NF)
        return slope_NF.mul_(grad_NF).mul_(up_NF), up_grad


def gated(gate_NF: torch.Tensor, up_NF: torch.Tensor) -> torch.Tensor:
    """Return silu(gate) * up (arXiv 2002.05202)."""
    result: torch.Tensor = _Gate.apply(gate_NF, up_NF)  # type: ignore[no-untyped-call]
    return result


class _Spread(Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, place_N: torch.Tensor, places: int) -> torch.Tensor:
        ctx.save_for_backward(place_N)
        return x.new_zeros(places, *x.shape[1:]).index_copy_(0, place_N, x)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        return grad.index_select(0, ctx.saved_tensors[0]), None, None


def spread(x: torch.Tensor, place_N: torch.Tensor, places: int) -> torch.Tensor:
    """Return the rows at distinct positions among zeros."""
    result: torch.Tensor = _Spread.apply(x, place_N, places)  # type: ignore[no-untyped-call]
    return result


class _Taken(Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, place_n: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(place_n)
        ctx.rows = x.shape[0]
        return x.index_select(0, place_n)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # type: ignore[override]
        zeros = grad.new_zeros(ctx.rows, *grad.shape[1:])
        return zeros.index_copy_(0, ctx.saved_tensors[0], grad), None


def taken(x: torch.Tensor, place_n: torch.Tensor) -> torch.Tensor:
    """Return rows at distinct positions."""
    result: torch.Tensor = _Taken.apply(x, place_n)  # type: ignore[no-untyped-call]
    return result
