"""Warnings for runs whose clip never acts or always does: such an arm does not test clipping."""

from __future__ import annotations

from collections.abc import Sequence

from sspo.config import TrainConfig
from sspo.config.choices import TERMS
from sspo.config.objective_checks import why_unmatched
from sspo.metrics import Metric, merge_all
from sspo.objective.clip_controller import ClipControl, at_edge, scaled

CLIPPED, ACTIVE = "policy/clip_frac_matched", "policy/active_token_frac"
HOLD = " or set objective.bounds.target_clip_frac"
MOST = 0.5
"""If more than this share of gradients is removed, the clip dominates the objective."""


class ClipWatch:
    """Watches the first `trainer.warn_after` rollouts of a run and then warns, once, about its clipping."""

    def __init__(self, config: TrainConfig, finished: int):
        self.config = config
        self.finished = finished
        self.seen: list[dict[str, Metric]] = []
        self.edge_said = False

    def look(self, steps: Sequence[dict[str, Metric]]) -> str | None:
        """Return the warning that the metrics of a rollout's optimizer steps complete, or None."""
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
        return f"warning: clipping cannot act in this run: over rollouts up to {last}, {'; '.join(reasons)}"

    def look_at_control(self, control: ClipControl) -> str | None:
        """Return the warning, once, that the range and not the target determines the clip controller's bounds."""
        objective = self.config.objective
        if self.edge_said or objective.bounds.target_clip_frac is None or not at_edge(control, objective):
            return None
        self.edge_said = True
        clip = scaled(objective, control.scale).clip
        return (
            f"warning: the clip controller is at the edge of its range, clip.low={clip.low:.3g} and clip.high={clip.high:.3g}: "
            f"it cannot hold objective.bounds.target_clip_frac={objective.bounds.target_clip_frac:g}; choose a different target, "
            "or widen objective.bounds.target_range (with less objective.bounds.alpha if low may not reach 1)"
        )

    def _reasons(self, metrics: dict[str, Metric]) -> list[str]:
        clipped = metrics[CLIPPED].value()
        if not metrics[ACTIVE].value():
            return []  # learn_watch.py has already warned with the reason
        if not TERMS[self.config.objective.term].clips:
            return []
        rollout, trainer = self.config.rollout, self.config.trainer
        if rollout.prompts * rollout.responses * trainer.epochs == trainer.minibatch:
            return ["there is one optimizer step per rollout, so every ratio is 1: lower trainer.minibatch"]
        if self.config.objective.bounds.target_clip_frac is not None:
            return []  # the controller's own warning covers it
        hold = HOLD if why_unmatched(self.config.objective) is None else ""
        if clipped == 0:
            return [f"no token was clipped: tighten objective.clip, or raise trainer.lr{hold}"]
        if clipped is not None and clipped > MOST:
            return [
                f"{100 * clipped:.0f} % of tokens with an advantage were clipped: widen objective.clip{hold}"
            ]
        return []
