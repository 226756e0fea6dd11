"""The point that an arm is confirmed at: the maximum of the fit, not the luckiest trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.tuning.space import Option, Point, Value, at_edge, inside, spread_points
from analysis.statistics.tuning.surface import Surface

CANDIDATES = 2048
BEYOND = 0.02
"""Share of each range that candidates keep for each of its ends, so that an optimum at an edge is found there."""


@dataclass(frozen=True)
class Choice:
    """The chosen point of an arm."""

    point: dict[str, Value]
    mean: float
    """The fitted score there, a share in [0, 1]."""
    sd: float
    """Its standard error."""
    edges: tuple[str, ...]
    """Options whose value lies at an edge of its range: the optimum may lie beyond."""


def choose(options: Sequence[Option], surface: Surface, *, extra: Sequence[Point] = ()) -> Choice:
    """Return the point with the highest fitted mean among evenly spread points of the space, the tried ones and `extra`.

    Points outside the space are left out. Of equal means the first wins, tried points before others.
    """
    offered = [*surface.tried, *extra, *spread_points(tuple(options), CANDIDATES, BEYOND)]
    points = [point for point in offered[: len(offered)] if inside(options, point)] or list(surface.tried)
    best = points[int(surface.means(points).argmax())]
    mean, sd = surface.at([best])
    return Choice(dict(best), float(mean[0]), float(sd[0]), at_edge(options, best))
