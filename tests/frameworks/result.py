"""One shape for what a loss gave, ours and theirs, and how two of them are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch


@dataclass(frozen=True, kw_only=True)
class Result:
    """Value of a loss, its gradient with respect to logp_BT, and the metrics reported beside it."""

    value: float
    grad_BT: torch.Tensor
    metrics: dict[str, float] = field(default_factory=dict)


def run(
    loss: Callable[[torch.Tensor], tuple[torch.Tensor, dict[str, float]]], logp_BT: torch.Tensor
) -> Result:
    """Evaluate a loss of the log-probabilities and differentiate it."""
    leaf_BT = logp_BT.clone().requires_grad_()
    value, metrics = loss(leaf_BT)
    value.backward()
    assert leaf_BT.grad is not None
    return Result(value=value.item(), grad_BT=leaf_BT.grad, metrics=metrics)


def assert_equal(ours: Result, theirs: Result, tolerance: float) -> None:
    """Value and every token's gradient, absolutely and relatively within `tolerance`."""
    assert ours.value == pytest.approx(theirs.value, rel=tolerance, abs=tolerance)
    assert_equal_gradients(ours, theirs, tolerance)


def assert_equal_gradients(ours: Result, theirs: Result, tolerance: float) -> None:
    """Every token's gradient, absolutely and relatively within `tolerance`; some token has one."""
    assert bool((theirs.grad_BT != 0).any())
    torch.testing.assert_close(ours.grad_BT, theirs.grad_BT, rtol=tolerance, atol=tolerance)
