"""A rollout with every visit of its optimizer steps: everything needed to evaluate an objective again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sspo.types import Batch, Score

Visit = tuple[torch.Tensor, torch.Tensor]
"""(row_b, logp_bT): the rows of one optimizer step and their log-probabilities right before it."""


@dataclass(frozen=True, kw_only=True)
class Visits:
    """N visits in the order of optimizer steps; each response is visited once per epoch."""

    row_N: torch.Tensor
    """Row of the rollout."""
    update_N: torch.Tensor
    """Optimizer step of the rollout, from 0."""
    logp_NT: torch.Tensor
    """Log-probabilities of the row's tokens under the policy right before that step, nats."""

    @property
    def updates(self) -> int:
        """Return the number of optimizer steps of the rollout."""
        return int(self.update_N.max()) + 1

    def of_update(self, update: int) -> Visit:
        """Return the visits of one optimizer step."""
        mine_N = self.update_N == update
        return self.row_N[mine_N], self.logp_NT[mine_N]


def join_visits(steps: Sequence[Visit]) -> Visits:
    """Return the visits of a rollout's optimizer steps, which are given in order."""
    update_N = torch.cat([torch.full_like(row_b, update) for update, (row_b, _) in enumerate(steps)])
    return Visits(
        row_N=torch.cat([row_b for row_b, _ in steps]),
        update_N=update_N,
        logp_NT=torch.cat([logp_bT for _, logp_bT in steps]),
    )


@dataclass(frozen=True, kw_only=True)
class RecordedRollout:
    """One rollout, its scores and its visits. Tensors are on the CPU if it comes from a file."""

    number: int
    """Rollout of the run, from 0."""
    first_step: int
    """Optimizer step of update 0, counted from 1 over the run."""
    clip_scale: float
    """The controller's factor on clip.low and clip.high in this rollout; 1 without one."""
    problem_ids: tuple[str, ...]
    """One per prompt."""
    scores: tuple[Score, ...]
    """One per row."""
    batch: Batch
    visits: Visits
    vocabulary: int | None = None
    """Number of tokens that the policy chose from; None where it is unknown."""

    def rewards(self) -> torch.Tensor:
        """Return reward_PG: rewards by prompt and response."""
        return torch.tensor([score.value for score in self.scores]).view(len(self.problem_ids), -1)
