"""The loss on the device against the CPU: value, gradient and metrics of every objective.

In float64 nothing but the order of sums differs, so limits are tight. In float32 a token may also fall on the other side of its
bound, so gradients are judged by how many tokens differ.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from sspo.config import ObjectiveConfig
from tests.cuda.batches import OBJECTIVES, Rows, context_of, loss_of, ragged_rows
from tests.cuda.part import Row, Setting

FLIPPED = 1e-3
"""From which share of the largest gradient on a token's is another one in float32."""
JUDGED = {
    torch.float64: (
        ("difference of the loss", 1e-9),
        ("largest difference of a gradient", 1e-9),
        ("largest difference of a metric", 1e-5),  # some are summed in float32 all the same
    ),
    torch.float32: (("difference of the loss", 1e-5), ("share of tokens with another gradient", 1e-3)),
}
"""Numbers of `_apart`, and the most that passes: values as a share of the larger of 1 and the value itself, gradients of the
largest. Metrics are not judged in float32, as they count clipped tokens."""


def run(setting: Setting) -> Iterator[Row]:
    """See Run."""
    rows = ragged_rows(16, 64) if setting.small else ragged_rows(64, 1024)
    for dtype, judged in JUDGED.items():
        apart = {name: _apart(rows, row, dtype, setting.device) for name, row in OBJECTIVES.items()}
        for i, (what, limit) in enumerate(judged):
            worst = max(apart, key=lambda name: apart[name][i])
            said = f"{dtype}: {what}".removeprefix("torch.")
            yield Row(said, apart[worst][i], limit=limit, note=f"worst of {len(apart)} objectives: {worst}")


def _apart(
    rows: Rows, objective: ObjectiveConfig, dtype: torch.dtype, device: str
) -> tuple[float, float, float]:
    """Of loss, gradient and metrics; NaN and infinity count as infinitely far."""
    loss, gradient_BT, metrics = _found(rows.to("cpu", dtype), objective)
    other, other_BT, others = _found(rows.to(device, dtype), objective)
    scale = float(gradient_BT.abs().max().clamp(min=1e-12))
    far_BT = (other_BT - gradient_BT).abs() / scale
    if dtype == torch.float32:
        gradient = float((~(far_BT <= FLIPPED)).double().mean())
    else:
        gradient = float(far_BT.max())
    if metrics.keys() != others.keys():
        return float("inf"), float("inf"), float("inf")
    of_metrics = max(_share(metrics[key], others[key]) for key in metrics)
    return _share(loss, other), gradient, of_metrics


def _found(rows: Rows, objective: ObjectiveConfig) -> tuple[float, torch.Tensor, dict[str, float | None]]:
    leaf_BT = rows.logp_BT.clone().requires_grad_()
    out = loss_of(leaf_BT, rows, objective, context_of(rows, objective))
    out.loss.backward()
    assert leaf_BT.grad is not None
    metrics = {key: metric.value() for key, metric in out.metrics.items()}
    return float(out.loss.detach()), leaf_BT.grad.cpu(), metrics


def _share(one: float | None, other: float | None) -> float:
    """How far apart two numbers are, as a share of the first where it is above 1; a missing one is infinitely far from a number."""
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    apart = abs(one - other) / max(1.0, abs(one))
    return apart if apart == apart else float("inf")
