"""How points are suggested and runs are stopped early: samplers and pruners by name. Every default is defined here, once."""

from __future__ import annotations

from dataclasses import dataclass

SAMPLERS = ("tpe", "gp", "random", "sobol")
PRUNERS = ("none", "median", "hyperband")
HELD_OUT, ROLLOUT = "held_out", "rollout"
WATCHED = (HELD_OUT, ROLLOUT)
LATER = (("watch", HELD_OUT),)
"""Options of a pruner that were added later, with their defaults. A default is left out, so that older histories keep their meaning."""
PILOT_SEEDS = 900
"""Smallest seed of a search: studies use smaller seeds, so that none reports the runs that chose its recipe."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """The sampler, which suggests the next trial."""

    name: str = "tpe"
    seed: int = 0
    startup: int = 10
    """Trials that are drawn at random before the sampler learns from results."""


@dataclass(frozen=True, kw_only=True)
class Pruner:
    """The pruner, which stops trials whose accuracy curve falls behind."""

    name: str = "none"
    startup: int = 5
    """median: finished trials before any is stopped."""
    warmup: int = 0
    """median: rollouts of a run before it may be stopped."""
    reduction: int = 3
    """hyperband: one trial in this many continues to the next rung."""
    watch: str = HELD_OUT
    """`held_out`: the evaluations of every evaluation.every rollouts; `rollout`: the accuracy of each rollout, which costs nothing."""
