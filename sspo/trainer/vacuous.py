"""Whether clipping can act at all in a run: an arm whose clip never acts, or always does, tests nothing about clipping."""

from __future__ import annotations

from collections.abc import Sequence

from sspo.config import MATCHED_TERMS, TrainConfig
from sspo.metrics import Metric, merge_all

CLIPPED, ACTIVE = "policy/clip_frac_matched", "policy/active_token_frac"
MOST = 0.5
"""Above this share of removed gradients the clip is the objective."""


class ClipWatch:
    """Looks at the first `trainer.warn_after` rollouts of a run and then says, once, what is wrong with its clipping."""

    def __init__(self, config: TrainConfig, finished: int):
        self.config = config
        self.finished = finished
        self.seen: list[dict[str, Metric]] = []

    def look(self, steps: Sequence[dict[str, Metric]]) -> str | None:
        """The warning that the metrics of a rollout's optimiser steps complete; None else."""
        last = self.config.trainer.warn_after
        if self.finished >= last:
            return None
        self.finished += 1
        self.seen.append({CLIPPED: steps[-1][CLIPPED]})
        self.seen[-1] |= merge_all([{ACTIVE: step[ACTIVE]} for step in steps])
        if self.finished < last:
            return None
        reasons = self._reasons(merge_all(self.seen))
        if not reasons:
            return None
        return f"warning: clipping cannot act in this run: after {last} rollouts, {'; '.join(reasons)}"

    def _reasons(self, metrics: dict[str, Metric]) -> list[str]:
        clipped = metrics[CLIPPED].value()
        if not metrics[ACTIVE].value():
            return [
                "every advantage is zero, as all responses of each group have equal rewards: make the task easier or "
                "harder, or raise rollout.responses"
            ]
        if self.config.objective.term not in MATCHED_TERMS:
            return []
        rollout, trainer = self.config.rollout, self.config.trainer
        if rollout.prompts * rollout.responses * trainer.epochs == trainer.minibatch:
            return ["there is one optimiser step a rollout, so every ratio is 1: lower trainer.minibatch"]
        if clipped == 0:
            return [
                "no token was clipped: tighten objective.clip, raise trainer.lr or set objective.bounds.target_clip_frac"
            ]
        if clipped is not None and clipped > MOST:
            return [
                f"{100 * clipped:.0f} % of tokens with an advantage were clipped: widen objective.clip, or set "
                "objective.bounds.target_clip_frac"
            ]
        return []
