"""The contents of a search's spec: a space, initial points, sampler, pruner and presets.

Every default of a spec is defined here or in sweeps/study/space, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sweeps.study.space.domain import Parameter, Point
from sweeps.study.space.method import LATER, Pruner, Sampler
from sweeps.study.spec import Primary


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
    dimensions: tuple[str, ...] = ()
    """Parameters of a wider space whose points are drawn whole and in this order, so that searches of parts of it draw the same ones;
    empty if the space is drawn by itself."""

    def meaning(self, preset: str) -> dict[str, Any]:
        """Return what must be equal for all trials in one history; the number of trials, retries and texts may change later."""
        chosen = self.presets[preset]
        head = self.head
        return {
            "space": [_meant(parameter) for parameter in self.space],
            "overrides": [*chosen.overrides, *head.overrides],
            "seeds": list(chosen.seeds),
            "primary": asdict(head.primary),
            "sampler": asdict(head.sampler),
            "pruner": {key: value for key, value in asdict(head.pruner).items() if (key, value) not in LATER},
            **({"dimensions": list(self.dimensions)} if self.dimensions else {}),
        }


def _meant(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter without the keys that were added later, where they are not set, so that older histories keep their meaning."""
    content = asdict(parameter)
    return {key: value for key, value in content.items() if key not in ("scales", "arms") or value}
