"""What a search's spec may hold: parameters with their ranges, points to begin with, who suggests, who prunes, presets.

Every default of a spec stands here once.
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
"""Options of a pruner that came after the first histories were begun, at their defaults: those stay what they are."""
PILOT_SEEDS = 900
"""Least seed of a search: studies run below, so that none reports the very runs that chose its recipe."""
Value = str | int | float | bool | None
Point = Mapping[str, Value]
"""Parameter to value."""


@dataclass(frozen=True, kw_only=True)
class FloatRange:
    """Real numbers from low to high, both included."""

    low: float
    high: float
    log: bool = False
    """Whether equal ratios are equally likely, instead of equal differences."""
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
    """A parameter with choices, and those of them under which another parameter counts."""

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
    """All must hold, else the parameter is not suggested and left to the search's overrides or at its default."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Who suggests the next trial."""

    name: str = "tpe"
    seed: int = 0
    startup: int = 10
    """Trials that are drawn at random before the sampler learns from results."""


@dataclass(frozen=True, kw_only=True)
class Pruner:
    """Who stops trials whose accuracy curve falls behind."""

    name: str = "none"
    startup: int = 5
    """median: finished trials before any is stopped."""
    warmup: int = 0
    """median: rollouts of a run before it may be stopped."""
    reduction: int = 3
    """hyperband: one trial in so many goes on to the next rung."""
    watch: str = HELD_OUT
    """`held_out`: the evaluations of every evaluation.every rollouts; `rollout`: the accuracy of each rollout, which costs nothing."""


@dataclass(frozen=True, kw_only=True)
class SearchPreset:
    """A size of the search."""

    trials: int = 30
    """Suggestions that are trained or read to an end: scored, stopped, or failed for good."""
    seeds: tuple[int, ...] = (900, 901)
    """Replicates of every trial; its score is the mean over them."""
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SearchHead:
    """What a search says of itself besides its space, points and presets."""

    title: str = ""
    question: str = ""
    primary: Primary = field(default_factory=Primary)
    sampler: Sampler = field(default_factory=Sampler)
    pruner: Pruner = field(default_factory=Pruner)
    retries: int = 1
    """How often a trial of which a run failed is begun again; its finished runs are kept."""
    overrides: tuple[str, ...] = ()
    """Applied to every trial, after the preset's."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A validated spec."""

    name: str
    head: SearchHead
    space: tuple[Parameter, ...]
    points: tuple[Point, ...]
    """Tried first, in this order."""
    presets: Mapping[str, SearchPreset]

    def meaning(self, preset: str) -> dict[str, Any]:
        """What one history of trials must agree on; the number of trials, retries and words may change later."""
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
