"""The contents of a search's spec: parameters with their ranges, initial points, sampler, pruner and presets.

Every default of a spec is defined here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sweeps.study.spec import Primary

SAMPLERS = ("tpe", "gp", "random")
PRUNERS = ("none", "median", "hyperband")
HELD_OUT, ROLLOUT = "held_out", "rollout"
WATCHED = (HELD_OUT, ROLLOUT)
LATER = (("watch", HELD_OUT),)
"""Options of a pruner that were added later, with their defaults. A default is left out, so that older histories keep their meaning."""
PILOT_SEEDS = 900
"""Smallest seed of a search: studies use smaller seeds, so that none reports the runs that chose its recipe."""
Value = str | int | float | bool | None
Point = Mapping[str, Value]
"""Parameter to value."""


@dataclass(frozen=True, kw_only=True)
class FloatRange:
    """Real numbers from low to high, both included."""

    low: float
    high: float
    log: bool = False
    """Whether equal ratios, rather than equal differences, are equally likely."""
    step: float | None = None


@dataclass(frozen=True, kw_only=True)
class IntRange:
    """Whole numbers from low to high, both included."""

    low: int
    high: int
    log: bool = False
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One of several values, or names of a group."""

    choices: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A parameter with choices, and the values under which another parameter is active."""

    key: str
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One dimension of the space."""

    key: str
    """An option or a group of the training configuration."""
    domain: FloatRange | IntRange | Choices
    also: tuple[str, ...] = ()
    """Options that take the same value."""
    when: tuple[Condition, ...] = ()
    """All must hold; otherwise the parameter is not suggested and keeps the search's override or its default."""


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


@dataclass(frozen=True, kw_only=True)
class SearchPreset:
    """A size of the search."""

    trials: int = 30
    """Number of trials to settle: scored, pruned, or permanently failed."""
    seeds: tuple[int, ...] = (900, 901)
    """Replicates of every trial; its score is the mean over them."""
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SearchHead:
    """The entries of a search besides its space, points and presets."""

    title: str = ""
    question: str = ""
    primary: Primary = field(default_factory=Primary)
    sampler: Sampler = field(default_factory=Sampler)
    pruner: Pruner = field(default_factory=Pruner)
    retries: int = 1
    """Maximum number of retries of a trial with a failed run; its finished runs are kept."""
    overrides: tuple[str, ...] = ()
    """Applied to every trial, after the preset's."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A validated spec."""

    name: str
    head: SearchHead
    space: tuple[Parameter, ...]
    points: tuple[Point, ...]
    """Points that are tried first, in this order."""
    presets: Mapping[str, SearchPreset]

    def meaning(self, preset: str) -> dict[str, Any]:
        """Return what must be equal for all trials in one history; the number of trials, retries and texts may change later."""
        chosen = self.presets[preset]
        head = self.head
        return {
            "space": [asdict(parameter) for parameter in self.space],
            "overrides": [*chosen.overrides, *head.overrides],
            "seeds": list(chosen.seeds),
            "primary": asdict(head.primary),
            "sampler": asdict(head.sampler),
            "pruner": {key: value for key, value in asdict(head.pruner).items() if (key, value) not in LATER},
        }
