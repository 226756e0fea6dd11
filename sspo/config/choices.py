"""The choices on every axis of an objective: each has its functions under sspo/objective, by these names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ADVANTAGES = ("group_norm", "group_mean", "leave_one_out", "whitened", "group_mean_whitened")
RATIOS = ("token", "segment", "response")
G_NAMES = ("tanh", "linear", "rank", "shuffled")
"""Adaptations that multiply clip.low and clip.high by a g of token-weighted mean one."""
ADAPTATIONS = ("none", *G_NAMES, "hapo", "dcpo")
ENTROPY_LEVELS = ("token", "segment", "response")
SIDES = ("both", "high", "low")
AGGREGATIONS = ("response_mean", "token_mean", "group_token_mean", "constant", "segment_mean")
KL_ESTIMATORS = ("k1", "k2", "k3")


@dataclass(frozen=True, kw_only=True)
class Term:
    """What everybody but the loss must know of a clip term. Its function is in sspo/objective/clip.py."""

    clips: bool
    """Whether its clip removes the gradient of the tokens that it clips."""
    bounds: bool = True
    """Whether the clip bounds play a part."""
    in_logs: bool = False
    """Whether clip.low and clip.high are distances of the log-ratio from 0, not of the ratio from 1."""
    matchable: bool = False
    """Whether a bound can hold its clip fraction: the tighter the bound, the more gradients the clip removes."""
    open_below: bool = False
    """Whether clip.low = 1 stands for no lower bound."""
    tau: bool = False
    """Whether objective.tau has an effect."""
    no_clip: bool = False
    """Whether it has neither a clip nor anything in its place, so that others' clips are held against it."""


TERMS: Mapping[str, Term] = {
    "ppo": Term(clips=True, matchable=True),
    "unclipped": Term(clips=False, bounds=False, no_clip=True),
    "cispo": Term(clips=False, open_below=True),
    "gmpo": Term(clips=True, in_logs=True),
    "sapo": Term(clips=False, bounds=False, tau=True),
}
