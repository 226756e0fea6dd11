"""One rollout of another trainer's, as ours would hold it: its batch, its rewards, and what its updates saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from sspo.config import TrainConfig
from sspo.metrics import Metric
from sspo.objective.advantage import ADVANTAGES
from sspo.recording.recorded import RecordedRollout, Visit, join_visits
from sspo.trainer.collect import cut
from sspo.trainer.mismatch import mismatch_metrics
from sspo.types import UNGRADED, Batch, Score


@dataclass
class TrainedRollout:
    """The rollout that is trained on. Tensors hold the rows of all processes; row i answers prompt i // G."""

    number: int
    """Rollout of the run, from 0."""
    first_step: int
    """Optimizer step of its first update, counted from 1."""
    clip_scale: float
    """The factor on clip.low and clip.high in this rollout."""
    batch: Batch
    reward_PG: torch.Tensor
    """The weighted sum of the reward functions; NaN if all of them returned None."""
    prompts: list[Any]
    """The dataset's prompts, one per group."""
    visits: list[Visit] = field(default_factory=list)
    """The rows of each optimizer step so far, and their log-probabilities right before it."""
    steps: list[dict[str, Metric]] = field(default_factory=list)
    """Metrics of each optimizer step so far, by glossary key."""


def complete(
    batch: Batch, reward_PG: torch.Tensor, options: TrainConfig, tokenizer: Any, number: int
) -> Batch:
    """Return the batch with advantages, segments and the columns that the objective requires."""
    tokens_PG = batch.mask_BT.sum(1).view(reward_PG.shape)
    advantage_B = advantages(reward_PG, tokens_PG, options.objective.advantage).flatten()
    advantage_BT = advantage_B.to(batch.old_logp_BT)[:, None] * batch.mask_BT
    return cut(replace(batch, advantage_BT=advantage_BT), options, tokenizer, number, reward_PG.shape[1])


def advantages(reward_PG: torch.Tensor, tokens_PG: torch.Tensor, name: str) -> torch.Tensor:
    """Return the advantages of a rollout, (P, G), by the named estimator.

    A prompt of which a response has no reward (NaN: every reward function returned None) says nothing about its others: all
    of its advantages are 0, and estimators over the whole rollout leave it out.
    """
    scored_P = ~reward_PG.isnan().any(1)
    advantage_PG = torch.zeros_like(reward_PG)
    if scored_P.any():
        advantage_PG[scored_P] = ADVANTAGES[name](reward_PG[scored_P], tokens_PG[scored_P])
    return advantage_PG


def mismatch_of(batch: Batch) -> dict[str, Metric]:
    """Return the distance between sampler and trainer; nothing if the sampler reported no log-probabilities."""
    sampler_logp_BT = batch.extras.sampler_logp_BT
    if sampler_logp_BT is None:
        return {}
    return mismatch_metrics(sampler_logp_BT, batch.old_logp_BT, batch.mask_BT)


def recorded_of(
    rollout: TrainedRollout, problem_ids: Sequence[str], scores: Sequence[Score]
) -> RecordedRollout:
    """Return a rollout after its last update, with every visit of its optimizer steps."""
    return RecordedRollout(
        number=rollout.number,
        first_step=rollout.first_step,
        clip_scale=rollout.clip_scale,
        problem_ids=tuple(problem_ids),
        scores=tuple(scores),
        batch=rollout.batch,
        visits=join_visits(rollout.visits),
    )


def ungraded(rollout: TrainedRollout) -> list[Score]:
    """Return the scores of a rollout whose reward functions give numbers and no statuses."""
    return [Score(value=value, status=UNGRADED) for value in rollout.reward_PG.flatten().tolist()]
