"""Our side: the named variant on a batch, and its advantages."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import Any

import torch

from sspo.objective.advantage import ADVANTAGES
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from sspo.types import LossContext, TokenExtras
from tests.frameworks.batch import Batch
from tests.frameworks.result import Result, run


def ours(
    name: str, batch: Batch, *, options: dict[str, Any] | None = None, **columns: torch.Tensor
) -> Result:
    """The variant as its row says, or with `options` of the objective; `columns` are what it asks of the context."""
    context = None
    if columns:
        tokens, responses, width = int(batch.mask_BT.sum()), len(batch.mask_BT), batch.mask_BT.shape[1]
        context = LossContext(
            tokens=tokens, responses=responses, max_response_tokens=width, extras=TokenExtras(**columns)
        )

    def loss(logp_BT: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        out = policy_loss(
            logp_BT,
            batch.old_logp_BT,
            batch.advantage_BT,
            batch.mask_BT,
            batch.segment_id_BT,
            batch.entropy_BT,
            replace(VARIANTS[name], **(options or {})),
            context=context,
        )
        return out.loss, {key: metric.value() for key, metric in out.metrics.items()}

    return run(loss, batch.logp_BT)


def advantages(name: str, reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """advantage_PG under the variant's estimator; tokens_PG are the responses' lengths, for estimators that ask."""
    estimator = ADVANTAGES[VARIANTS[name].advantage]
    arguments = (reward_PG, torch.ones_like(reward_PG) if tokens_PG is None else tokens_PG)
    return estimator(*arguments[: len(signature(estimator).parameters)])
