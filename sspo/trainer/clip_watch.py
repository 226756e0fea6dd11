"""Warnings for runs whose clip never acts or always does: such an arm does not test clipping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sspo.config import TrainConfig
from sspo.config.choices import INTEGRAL, TERMS
from sspo.config.objective_checks import why_unmatched
from sspo.metrics import MIN_ELIGIBLE, Metric, merge_all
from sspo.metrics.held import FEWEST_TIMES, MOST_TIMES, is_held
from sspo.objective.clip_controller import ClipControl, at_edge, scaled
from sspo.objective.critical import nearest_share

CLIPPED, ACTIVE = "policy/clip_frac_matched", "policy/active_token_frac"
HOLD = " or set objective.bounds.target_clip_frac"
PAYS_BACK = ": objective.bounds.target_control=integral pays such errors back"
MOST = 0.5
"""If more than this share of gradients is removed, the clip dominates the objective."""
SHORTEST = 5
"""With fewer rollouts in the last half of a run, a controller has not had the time to hold a target."""
GROWTH = 2.0
"""Bounds that widen by this factor over the last half of a run, without holding the target, follow the drift."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """Clipping of one rollout whose target a controller holds."""

    clipped: float | None
    """The share of matched tokens that was clipped; None if there were fewer than MIN_ELIGIBLE."""
    nearest: float | None
    """The share nearest to the target that any bounds would have clipped; None if none reach it."""
    scale: float


class ClipWatch:
    """Watches the first `trainer.warn_after` rollouts of a run and then warns, once, about its clipping."""

    def __init__(self, config: TrainConfig, finished: int):
        self.config = config
        self.finished = finished
        self.seen: list[dict[str, Metric]] = []
        self.edge_said = False
        self.late: list[Held] = []

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
        less_alpha = " (with less objective.bounds.alpha if low may not reach 1)"
        return (
            f"warning: the clip controller is at the edge of its range, clip.low={clip.low:.3g} and clip.high={clip.high:.3g}: "
            f"it cannot hold objective.bounds.target_clip_frac={objective.bounds.target_clip_frac:g}; choose a different target, "
            f"or widen objective.bounds.target_range{less_alpha if objective.bounds.alpha else ''}"
        )

    def see(self, number: int, scale: float, critical_N: torch.Tensor) -> None:
        """Keep what bounds at `scale` clipped of a rollout's matched tokens, if it belongs to the last half of the run."""
        target = self.config.objective.bounds.target_clip_frac
        if target is None or number < self.config.trainer.rollouts // 2:
            return
        enough = len(critical_N) >= MIN_ELIGIBLE
        clipped = float((critical_N > scale).double().mean()) if enough else None
        nearest = nearest_share(critical_N, target) if enough else None
        self.late.append(Held(clipped=clipped, nearest=nearest, scale=scale))

    def look_at_target(self, control: ClipControl, finished: int) -> str | None:
        """Return the warning, after the last rollout, that the controller has not held its target, with the reason.

        A resumed run judges the rollouts since it was resumed.
        """
        target, late = self.config.objective.bounds.target_clip_frac, self.late
        if target is None or finished < self.config.trainer.rollouts or len(late) < SHORTEST:
            return None
        shares = [held.clipped for held in late if held.clipped is not None]
        realized = sum(shares) / len(shares) if shares else None
        if realized is not None and is_held(realized, target):
            return None
        share = "no share" if realized is None else f"{100 * realized:.3g} %"
        return (
            f"warning: objective.bounds.target_clip_frac={target:g} was not held: {share} of the tokens with an advantage "
            f"was clipped over the last {len(late)} rollouts, and within one percentage point and {FEWEST_TIMES} to "
            f"{MOST_TIMES} times of the target counts as held; {self._why(control, target, realized, shares)}"
        )

    def _why(
        self, control: ClipControl, target: float, realized: float | None, shares: Sequence[float]
    ) -> str:
        late, objective = self.late, self.config.objective
        reached = [held.nearest for held in late if held.nearest is not None]
        nearest = sum(reached) / len(reached) if reached else None
        growth = control.scale / late[0].scale
        if 2 * len(shares) < len(late) or realized is None:
            return f"{len(late) - len(shares)} of these rollouts had fewer than {MIN_ELIGIBLE} such tokens after their first update"
        if at_edge(control, objective):
            return "the bounds are at the end of objective.bounds.target_range"
        if nearest is None or 2 * len(reached) < len(shares):
            return f"in {len(shares) - len(reached)} of these rollouts fewer tokens than that moved towards their clip"
        if not is_held(nearest, target):
            return (
                f"the tokens of one {objective.ratio} are clipped together, and the nearest share that any bounds would have "
                f"clipped is {100 * nearest:.3g} % on average"
            )
        if realized > target and growth >= GROWTH:
            return f"drift grew with the bounds, which widened {growth:.3g} times meanwhile, so they do not restrain the policy"
        law = "" if objective.bounds.target_control == INTEGRAL else PAYS_BACK
        return f"the share varied from {100 * min(shares):.3g} to {100 * max(shares):.3g} % between rollouts{law}"

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
