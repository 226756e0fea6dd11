"""A rollout with every visit that optimiser steps paid to it: all that an objective needs to be evaluated again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sspo.types import Batch, Score

Visit = tuple[torch.Tensor, torch.Tensor]
"""(row_b, logp_bT): the rows of one optimiser step and their log-probabilities right before it."""


@dataclass(frozen=True, kw_only=True)
class Visits:
    """N visits in the order of optimiser steps; each response is visited once an epoch."""

    row_N: torch.Tensor
    """Row of the rollout."""
    update_N: torch.Tensor
    """Optimiser step of the rollout, from 0."""
    logp_NT: torch.Tensor
    """Log-probabilities of the row's tokens under the policy right before that step, nats."""

    @property
    def updates(self) -> int:
        """Optimiser steps of the rollout."""
        return int(self.update_N.max()) + 1

    def of_update(self, update: int) -> Visit:
        """The visits of one optimiser step."""
        mine_N = self.update_N == update
        return self.row_N[mine_N], self.logp_NT[mine_N]


def join_visits(steps: Sequence[Visit]) -> Visits:
    """The visits of a rollout's optimiser steps, which are given in order."""
    update_N = torch.cat([torch.full_like(row_b, update) for update, (row_b, _) in enumerate(steps)])
    return Visits(
        row_N=torch.cat([row_b for row_b, _ in steps]),
        update_N=update_N,
        logp_NT=torch.cat([logp_bT for _, logp_bT in steps]),
    )


@dataclass(frozen=True, kw_only=True)
class RecordedRollout:
    """One rollout, its scores and its visits. Tensors are on the CPU where it comes from a file."""

    number: int
    """Rollout of the run, from 0."""
    first_step: int
    """Optimiser step of update 0, counted from 1 over the run."""
    clip_scale: float
    """What the controller multiplied clip.low and clip.high by in this rollout; 1 without one."""
    problem_ids: tuple[str, ...]
    """One a prompt."""
    scores: tuple[Score, ...]
    """One a row."""
    batch: Batch
    visits: Visits

    def rewards(self) -> torch.Tensor:
        """reward_PG: rewards by prompt and response."""
        return torch.tensor([score.value for score in self.scores]).view(len(self.problem_ids), -1)
