"""What papers share: advantages, the clipped surrogate and weights, in float64 with plain loops and with nothing of the package."""

from __future__ import annotations

import math
from statistics import fmean, stdev

from tests.oracles.axes import log_ratios


def standardized(group):
    """Group advantages of GRPO: (r - mean) / (std + 1e-6); zero where all are equal."""
    rewards = [row["reward"] for row in group]
    if len(set(rewards)) == 1:
        return [0.0] * len(group)
    return [(r - fmean(rewards)) / (stdev(rewards) + 1e-6) for r in rewards]


def ppo(r, a, lo, hi):
    """(value, slope) of the clipped surrogate at ratio r."""
    clipped = (a > 0 and r > 1 + hi) or (a < 0 and r < 1 - lo)
    return min(r * a, min(max(r, 1 - lo), 1 + hi) * a), 0.0 if clipped else r * a


def token_level(lo, hi):
    """Tokens of a response under PPO's clip of their own ratios."""
    return lambda row, a: [ppo(math.exp(d), a, lo, hi) for d in log_ratios(row)]


def per_response(groups):
    """1/|o_i|, averaged over responses."""
    n = sum(map(len, groups))
    return [[1 / len(row["old"]) / n for row in group] for group in groups]


def centered(groups):
    """Advantages without a std: r - mean of the group."""
    return [[row["reward"] - fmean(r["reward"] for r in group) for row in group] for group in groups]


def over_tokens(groups):
    """1 / all tokens of the batch."""
    tokens = sum(len(row["old"]) for group in groups for row in group)
    return [[1 / tokens for _ in group] for group in groups]


def total(groups, advantages, tokens, weight_rows):
    """(loss, gradient): minus the weighted sum of values, and of slopes."""
    loss, gradient = 0.0, []
    for group, a_group, w_group in zip(groups, advantages, weight_rows, strict=True):
        for row, a, w in zip(group, a_group, w_group, strict=True):
            pairs = tokens(row, a)
            loss -= w * sum(value for value, _ in pairs)
            gradient.append([-w * slope for _, slope in pairs])
    return loss, gradient
