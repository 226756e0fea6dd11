"""Checks of the arguments of policy_loss: one sentence for a shape that would broadcast wrongly or a column that is
missing.
"""

from __future__ import annotations

from typing import Any

import torch

from sspo.config import ObjectiveConfig
from sspo.config.choices import ADAPTATIONS
from sspo.errors import unknown
from sspo.objective.variants import VARIANTS


def check_objective_row(objective: Any) -> None:
    """Raise ValueError unless `objective` is a row of VARIANTS or another ObjectiveConfig."""
    if isinstance(objective, ObjectiveConfig):
        return
    if not isinstance(objective, str):
        raise ValueError(
            f"the objective must be an ObjectiveConfig, as in VARIANTS['sspo'], got {objective!r}"
        )
    if objective not in VARIANTS:
        raise ValueError(str(unknown("objective", objective, VARIANTS)))
    raise ValueError(
        f"the objective must be a row, not its name: pass VARIANTS['{objective}'] of sspo.objective.variants"
    )


def check_columns(
    logp_BT: torch.Tensor,
    advantage_BT: torch.Tensor,
    segment_id_BT: torch.Tensor | None,
    **others: torch.Tensor,
) -> None:
    """Raise ValueError for the first column that is missing or has the wrong shape.

    Every column has the shape (B, T) of logp_BT; advantage_BT may also have (B, 1), one advantage per response.
    """
    if logp_BT.dim() != 2:
        raise ValueError(f"logp_BT must have the shape (responses, tokens), got {tuple(logp_BT.shape)}")
    if 0 in logp_BT.shape:
        raise ValueError(
            f"logp_BT must have at least one response and one token, got the shape {tuple(logp_BT.shape)}"
        )
    if segment_id_BT is None:
        raise ValueError(
            "segment_id_BT is None, and metrics count segments under every objective: pass the result of "
            "sspo.segmentation.segment, or mask_BT.long() - 1 for one segment per response"
        )
    shape, rows = tuple(logp_BT.shape), logp_BT.shape[0]
    if advantage_BT is None:
        raise ValueError(f"advantage_BT is None: it must have logp_BT's shape {shape}")
    for name, column in {**others, "segment_id_BT": segment_id_BT}.items():
        if column is None:
            raise ValueError(f"{name} is None: it must have logp_BT's shape {shape}")
        if tuple(column.shape) != shape:
            raise ValueError(f"{name} must have logp_BT's shape {shape}, got {tuple(column.shape)}")
    if tuple(advantage_BT.shape) not in (shape, (rows, 1)):
        raise ValueError(
            f"advantage_BT must have the shape {shape}, or {(rows, 1)} for one advantage per response, got "
            f"{tuple(advantage_BT.shape)}"
            + ("; pass it as advantage_B[:, None]" if advantage_BT.dim() == 1 else "")
        )


def check_entropy(entropy_BT: torch.Tensor | None, objective: ObjectiveConfig) -> None:
    """Raise ValueError if bounds follow entropy and entropy_BT is None."""
    adapt = objective.bounds.adapt
    if entropy_BT is None and ADAPTATIONS[adapt].entropy:
        raise ValueError(
            f"entropy_BT is None, and the bounds of objective '{objective.name}' follow it (bounds.adapt='{adapt}'): pass the "
            "sampling policy's entropy at each token, in nats"
        )
