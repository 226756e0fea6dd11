"""Rollout-level metrics of sampled responses, before any update."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch

from sspo.metrics import Metric, observe
from sspo.objective.ratio import segment_size, segments_of
from sspo.types import UNGRADED, Batch, Score

STATUS_KEYS = {
    "ok": "rollout/accuracy",
    "wrong": "rollout/wrong_frac",
    "unparsable": "rollout/unparsable_frac",
    "timeout": "rollout/timeout_frac",
    "crashed": "rollout/crashed_frac",
    "truncated": "rollout/truncated_frac",
}
ALWAYS = ("ok", "wrong", "unparsable", "truncated")
"""States whose share every run logs; of the others, those that the run's reward can assign."""


def summarize(
    scores: Sequence[Score], reward_PG: torch.Tensor, batch: Batch, statuses: Sequence[str] = ()
) -> dict[str, Metric]:
    """Return the metrics of one rollout, keyed by the glossary. `statuses` are those that the reward can assign.

    Shares of statuses are left out if the responses are ungraded.
    """
    if any(score.status == UNGRADED for score in scores):
        return describe_batch(reward_PG, batch)
    rows, metrics = len(scores), {}
    for status, key in STATUS_KEYS.items():
        if status in ALWAYS or status in statuses:
            metrics[key] = observe(key, sum(score.status == status for score in scores), rows)
    return describe_batch(reward_PG, batch) | metrics | _parts(scores) | _second(scores)


def describe_batch(reward_PG: torch.Tensor, batch: Batch) -> dict[str, Metric]:
    """Return the metrics of a rollout that need no statuses: rewards, lengths, entropies and segments."""
    rows, tokens = len(batch.mask_BT), batch.mask_BT.sum()
    values = reward_PG.double()
    equal_P = reward_PG.amax(1) == reward_PG.amin(1)
    metrics = {
        "reward/mean": observe("reward/mean", values.sum(), values.numel()),
        "reward/std": observe("reward/std", values.sum(), (values * values).sum(), values.numel()),
        "rollout/response_tokens": observe("rollout/response_tokens", tokens, rows),
        "rollout/zero_advantage_group_frac": observe(
            "rollout/zero_advantage_group_frac", equal_P.sum(), len(equal_P)
        ),
        "rollout/entropy_token": observe(
            "rollout/entropy_token", batch.entropy_BT.where(batch.mask_BT, 0.0).sum(), tokens
        ),
    }
    return metrics | _segments(batch)


def _parts(scores: Sequence[Score]) -> dict[str, Metric]:
    """Return the mean of each reward in a weighted sum."""
    sums: dict[str, float] = {}
    for name, value in (part for score in scores for part in score.parts):
        sums[name] = sums.get(name, 0.0) + value
    keys = {name: f"reward/part/{name}" for name in sums}
    return {keys[name]: observe(keys[name], total, len(scores)) for name, total in sums.items()}


def _second(scores: Sequence[Score]) -> dict[str, Metric]:
    """Return how often a second grader disagrees: one accepts and the other does not."""
    seen = [score for score in scores if score.second is not None]
    if not seen:
        return {}
    apart = sum((score.status == "ok") != (score.second == "ok") for score in seen)
    frac, count = "rollout/grader_disagreement_frac", "rollout/second_answers"
    return {frac: observe(frac, apart, len(seen)), count: observe(count, len(seen))}


def clipping_of_rollout(steps: Sequence[dict[str, Metric]], scale: float) -> dict[str, Metric]:
    """Return the clip fraction that arms are matched on: of tokens with A != 0, from the second of the rollout's
    updates on.
    """
    later = [step["policy/clip_frac_active"] for step in steps[1:]]
    nothing = observe("policy/clip_frac_matched", 0, 0)
    return {
        "policy/clip_frac_matched": functools.reduce(Metric.merge, later, nothing),
        "policy/clip_scale": observe("policy/clip_scale", scale),
    }


def _segments(batch: Batch) -> dict[str, Metric]:
    """Return segment metrics. A sum over segments is a sum over tokens weighted by 1 / n_s."""
    size_BT = segment_size(batch.segment_id_BT, batch.mask_BT).double()
    weight_BT = torch.where(batch.mask_BT, 1 / size_BT, 0.0)
    rows, segments = batch.mask_BT.any(1).sum(), segments_of(batch.segment_id_BT).sum()
    tokens = batch.mask_BT.sum()
    entropy_BS = _entropy_by_segment(batch)
    return {
        "rollout/segments_per_response": observe("rollout/segments_per_response", segments, rows),
        "rollout/tokens_per_segment": observe("rollout/tokens_per_segment", tokens, segments),
        "rollout/segment_tokens_sd": observe(
            "rollout/segment_tokens_sd", tokens, (size_BT * size_BT * weight_BT).sum(), segments
        ),
        "rollout/entropy_segment": observe("rollout/entropy_segment", entropy_BS.sum(), segments),
        "rollout/entropy_segment_sd": observe(
            "rollout/entropy_segment_sd", entropy_BS.sum(), (entropy_BS * entropy_BS).sum(), segments
        ),
    }


def _entropy_by_segment(batch: Batch) -> torch.Tensor:
    """Return the mean entropy of each segment (B, T slots); empty slots are zero."""
    slot_BT = batch.segment_id_BT.clamp(min=0)
    entropy_BT = batch.entropy_BT.where(batch.mask_BT, 0.0).double()
    share_BT = entropy_BT / segment_size(batch.segment_id_BT, batch.mask_BT)
    return torch.zeros_like(share_BT).scatter_add(1, slot_BT, share_BT)
