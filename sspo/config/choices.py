"""The choices on every axis of an objective: each has its functions under sspo/objective, by these names."""

from __future__ import annotations

ADVANTAGES = ("group_norm", "group_mean", "leave_one_out", "whitened", "group_mean_whitened")
RATIOS = ("token", "segment", "response")
TERMS = ("ppo", "unclipped", "cispo", "gmpo", "sapo")
CLIPPING_TERMS = ("ppo", "gmpo")
"""Terms whose clip removes the gradient of the tokens that it clips."""
BOUNDLESS_TERMS = ("unclipped", "sapo")
"""Terms in which the clip bounds play no part."""
LOG_TERMS = ("gmpo",)
"""Terms whose clip.low and clip.high are distances of the log-ratio from 0, not of the ratio from 1."""
MATCHED_TERMS = ("ppo",)
"""Terms whose clip fraction a bound can hold: the clip removes a token's gradient, more of them the tighter it is."""
G_NAMES = ("tanh", "linear", "rank", "shuffled")
"""Adaptations that multiply clip.low and clip.high by a g of token-weighted mean one."""
ADAPTATIONS = ("none", *G_NAMES, "hapo", "dcpo")
ENTROPY_LEVELS = ("token", "segment", "response")
SIDES = ("both", "high", "low")
AGGREGATIONS = ("response_mean", "token_mean", "group_token_mean", "constant", "segment_mean")
KL_ESTIMATORS = ("k1", "k2", "k3")
