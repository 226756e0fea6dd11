"""The tuning of a study's arms: a space, an equal budget for every arm, and the pilot seeds that never return.

Every default is defined here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeps.study.space.domain import Parameter
from sweeps.study.space.method import PILOT_SEEDS, Pruner, Sampler

TUNED_ROLES = ("arm", "no_clip")
"""Roles of arms that are tuned: an untrained base has nothing to tune, and an A/A arm repeats its original where that ends up."""
DEFAULT_TRIALS = 8
LEAST_TRIALS = 2
"""Fewest trials of an arm, under any budget: a fit requires points."""


@dataclass(frozen=True, kw_only=True)
class TuningBudget:
    """What tuning one arm may cost, the same for every arm: one of three units. All None means eight trials."""

    trials: int | None = None
    """Trials to settle: scored, pruned, or permanently failed."""
    core_hours: float | None = None
    """Core hours of pilot runs on the CPU."""
    device_hours: float | None = None
    """Device hours of pilot runs on CUDA devices."""

    @property
    def unit(self) -> str:
        """Return the name of the unit in which it is given."""
        return next((key for key, amount in vars(self).items() if amount is not None), "trials")

    @property
    def amount(self) -> float:
        """Return its size in that unit."""
        found = getattr(self, self.unit)
        return DEFAULT_TRIALS if found is None else float(found)


@dataclass(frozen=True, kw_only=True)
class TuneOverrides:
    """The part of tuning that a preset may change; None for the study's."""

    budget: TuningBudget | None = None
    seeds: tuple[int, ...] | None = None
    confirm_default: bool | None = None


@dataclass(frozen=True, kw_only=True)
class TuneHead:
    """The entries of `tune` besides its space."""

    sampler: Sampler = field(default_factory=lambda: Sampler(name="sobol"))
    pruner: Pruner = field(default_factory=Pruner)
    budget: TuningBudget = field(default_factory=TuningBudget)
    seeds: tuple[int, ...] = (PILOT_SEEDS, PILOT_SEEDS + 1)
    """Pilot seeds: replicates of every trial, which no study reports."""
    start_at_default: bool = False
    """Whether an arm's own default is its first trial."""
    confirm_default: bool = False
    """Whether every tuned arm also runs at its default on the seeds of the confirmation, as a family of its own."""
    retries: int = 1
    """Maximum number of retries of a trial with a failed run; its finished runs are kept."""


@dataclass(frozen=True, kw_only=True)
class Tune:
    """How the arms of a study are tuned."""

    space: tuple[Parameter, ...]
    head: TuneHead = field(default_factory=TuneHead)

    def of_arm(self, name: str) -> tuple[Parameter, ...]:
        """Return the parameters that may be tuned for an arm."""
        return tuple(
            parameter for parameter in self.space if parameter.arms is None or name in parameter.arms
        )

    def content(self) -> dict[str, Any]:
        """Return the content of `tune` that a manifest and a registration state, without the space of each arm."""
        head = self.head
        return {
            "sampler": vars(head.sampler),
            "pruner": vars(head.pruner),
            "budget": {head.budget.unit: head.budget.amount},
            "seeds": list(head.seeds),
            "start_at_default": head.start_at_default,
            "confirm_default": head.confirm_default,
        }


def described(parameter: Parameter) -> Mapping[str, Any]:
    """Return a parameter as a manifest states it, with its kind."""
    domain = vars(parameter.domain)
    kind = {"FloatRange": "float", "IntRange": "int", "Choices": "choices"}[type(parameter.domain).__name__]
    return {
        "key": parameter.key,
        "kind": kind,
        **{key: list(value) if isinstance(value, tuple) else value for key, value in domain.items()},
        "also": list(parameter.also),
        "scales": list(parameter.scales),
        "when": [{"key": one.key, "values": list(one.values)} for one in parameter.when],
    }
