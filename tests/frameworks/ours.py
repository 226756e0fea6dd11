"""Our side: the named variant on a batch, and its advantages."""

from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import Any

import torch

from sspo.objective.advantage import ADVANTAGES
from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.frameworks.batch import Batch
from tests.frameworks.result import Result, run


def ours(
    name: str,
    batch: Batch,
    *,
    options: dict[str, Any] | None = None,
    group: int | None = None,
    vocabulary: int | None = None,
    **columns: torch.Tensor,
) -> Result:
    """The variant as its row says, or with `options` of the objective; `columns` are what the context must hold, and
    `group` and `vocabulary` what bounds may follow.
    """
    objective = replace(VARIANTS[name], **(options or {}))
    context = None
    if columns or group or vocabulary:
        context = whole_batch(
            batch.mask_BT,
            batch.segment_id_BT,
            batch.entropy_BT,
            objective,
            advantage_BT=batch.advantage_BT,
            group=group,
            vocabulary=vocabulary,
        )
        context = replace(context, extras=replace(context.extras, **columns))

    def loss(logp_BT: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        out = policy_loss(
            logp_BT,
            batch.old_logp_BT,
            batch.advantage_BT,
            batch.mask_BT,
            batch.segment_id_BT,
            batch.entropy_BT,
            objective,
            context=context,
        )
        return out.loss, {key: metric.value() for key, metric in out.metrics.items()}

    return run(loss, batch.logp_BT)


def advantages(name: str, reward_PG: torch.Tensor, tokens_PG: torch.Tensor | None = None) -> torch.Tensor:
    """advantage_PG under the variant's estimator; tokens_PG are the responses' lengths, for estimators that ask."""
    estimator = ADVANTAGES[VARIANTS[name].advantage]
    arguments = (reward_PG, torch.ones_like(reward_PG) if tokens_PG is None else tokens_PG)
    return estimator(*arguments[: len(signature(estimator).parameters)])
