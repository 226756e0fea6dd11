"""Checks that a recorded run is complete, and that its own objective reproduces its log.

The loss is called as in the trainer, micro-batch by micro-batch, so its metrics must equal those of the log. A run that
disagrees is damaged, or was trained by different code.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console

from sspo.config import TrainConfig
from sspo.metrics import Metric, merge_all
from sspo.models.forward.micro_batches import micro_batches
from sspo.objective.clip_controller import scaled
from sspo.objective.context import prepared
from sspo.objective.micro_batch import part_loss, step_context
from sspo.recording.recorded import RecordedRollout
from sspo.replay.source import RecordedRun
from sspo.rewards import open_reward
from sspo.trainer.rollout_metrics import clipping_of_rollout, summarize

TOLERANCE = 1e-6
"""Relative to a metric's value, absolute below 1."""
NOT_REPLAYED = (
    "step",
    "rollout",
    "update",
    "optim/grad_norm",
    "optim/lr",
    "rollout/sampled_prompts",
    "rollout/unequal_prompt_frac",
    "rollout/filled_prompts",
    "reward/overlong_penalty",
    "rollout/grader_disagreement_frac",
    "rollout/second_answers",
)
"""Metrics of the optimizer, of prompts and rewards before a recording, and of second graders, which a recording lacks.
"""
LEFT_OUT = ("reward/part/", "rollout/mismatch_")
"""Prefixes of metrics of the parts of a summed reward, of which a recording has only the sum, and of metrics that do
not depend on the objective.
"""


@torch.no_grad()
def replay_steps(recorded: RecordedRollout, config: TrainConfig) -> list[dict[str, Metric]]:
    """Return metrics of each optimizer step under the run's own objective; rollout-level ones with the last."""
    objective = scaled(config.objective, recorded.clip_scale)
    batch = prepared(
        recorded.batch,
        objective,
        config.rollout.responses,
        config.seed,
        recorded.number,
        recorded.vocabulary,
    )
    steps: list[dict[str, Metric]] = []
    for update in range(recorded.visits.updates):
        row_b, logp_bT = recorded.visits.of_update(update)
        logp_BT = torch.zeros_like(batch.old_logp_BT)
        logp_BT[row_b] = logp_bT
        context = step_context(batch, row_b, config.rollout.max_tokens)
        parts = []
        for index_b, part in micro_batches(batch, row_b, config.trainer.micro_batch_tokens):
            logp_bt = logp_BT[index_b, : part.mask_BT.shape[1]]
            parts.append(part_loss(logp_bt, part, objective, context).metrics)
        steps.append(merge_all(parts))
    statuses = open_reward(config.reward).statuses
    steps[-1] |= summarize(recorded.scores, recorded.rewards(), batch, statuses)
    steps[-1] |= clipping_of_rollout(steps, recorded.clip_scale)
    return steps


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of a run's recorded rollouts with its logs."""

    rollouts: tuple[int, ...]
    steps: int
    difference: float
    """The largest over all steps and metrics; infinite if a step or a metric exists on one side only."""
    where: str
    """The metric and step of that difference."""

    @property
    def holds(self) -> bool:
        """Return whether replaying the run's own objective reproduces the log."""
        return self.difference <= TOLERANCE


def agreement(
    recorded: RecordedRollout, config: TrainConfig, logged: Mapping[int, Mapping[str, Any]]
) -> Agreement:
    """Replay the run's own objective on a rollout and compare with lines of its metrics.jsonl, given by step."""
    replayed = replay_steps(recorded, config)
    found = [
        _largest_difference(step, metrics, logged.get(step, {}))
        for step, metrics in enumerate(replayed, recorded.first_step)
    ]
    difference, where = max([(0.0, ""), *found])
    return Agreement(rollouts=(recorded.number,), steps=len(replayed), difference=difference, where=where)


def pooled(agreements: Sequence[Agreement]) -> Agreement:
    """Combine the agreements of all rollouts."""
    worst = max(agreements, key=lambda found: (found.difference, found.where))
    return Agreement(
        rollouts=tuple(number for found in agreements for number in found.rollouts),
        steps=sum(found.steps for found in agreements),
        difference=worst.difference,
        where=worst.where,
    )


def _largest_difference(
    step: int, metrics: Mapping[str, Metric], logged: Mapping[str, Any]
) -> tuple[float, str]:
    line = {
        key: value
        for key, value in logged.items()
        if key not in NOT_REPLAYED and not key.startswith(LEFT_OUT)
    }
    values = {key: metric.value() for key, metric in metrics.items()}
    missing = set(values) ^ set(line)
    if missing:
        return float("inf"), f"{min(missing)} of step {step}"
    return max((_difference(values[key], line[key]), f"{key} of step {step}") for key in values)


def _difference(replayed: float | None, logged: float | None) -> float:
    if replayed is None or logged is None:
        return 0.0 if replayed is logged else float("inf")
    difference = abs(replayed - logged) / max(1.0, abs(logged))
    return float("inf") if math.isnan(difference) else difference


def say_agreement(runs: Sequence[RecordedRun], agreements: Sequence[Agreement], out: Console) -> None:
    """Print how each run's own objective, replayed, compares with its logs; warnings go to stderr."""
    for run, mine in zip(runs, agreements, strict=True):
        held = (
            f"reproduces its {mine.steps} logged steps to {mine.difference:.1g}"
            if mine.holds
            else f"does not reproduce its {mine.steps} logged steps: they differ by up to {mine.difference:.1g}"
        )
        out.print(
            f"{run.folder}: {len(run.files)} recorded rollouts; the run's own objective {held}",
            soft_wrap=True,
        )
        for warning in _warnings(run, mine):
            print(f"warning: {run.folder}: {warning}", file=sys.stderr)


def _warnings(run: RecordedRun, found: Agreement) -> Iterator[str]:
    if run.state != "done":
        yield f"the run is {run.state}: its recordings do not cover a complete run"
    if not found.holds:
        yield (
            f"replay and log disagree, most in {found.where}: the run was trained by different code or on a different kind of "
            "machine, or its log was changed"
        )
