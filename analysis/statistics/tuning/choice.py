"""The point that an arm is confirmed at: the middle of the region that the fit says is best, not the luckiest trial.

The trial with the highest score is mostly the one with the luckiest runs. The maximum of a fit is better, but where the score is
nearly flat its place is chance, and may be far out where nothing was tried or at the brink of a cliff. The middle of the region
around it is steadier (docs/statistics.md: simulated).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.tuning.space import (
    EDGE,
    Option,
    Point,
    Value,
    at_edge,
    coordinates,
    inside,
    spread_points,
)
from analysis.statistics.tuning.surface import Surface

Floats = NDArray[np.float64]
CANDIDATES = 2048
BEYOND = 0.02
"""Share of each range that candidates keep for each of its ends, so that an optimum at an edge is found there."""
CAUTION = 0.4
"""Standard errors that are subtracted from the fitted mean: of equal means, the better known one is better."""
NEAR = 0.01
"""Points within this of the highest cautious mean are in the region whose middle is chosen: a point of a hundred."""


@dataclass(frozen=True)
class Choice:
    """The chosen point of an arm."""

    point: dict[str, Value]
    mean: float
    """The fitted score there, a share in [0, 1]."""
    sd: float
    """Its standard error."""
    edges: tuple[str, ...]
    """Options along which the fit is highest at an edge of the range, so that the optimum may lie beyond."""


def choose(options: Sequence[Option], surface: Surface, *, extra: Sequence[Point] = ()) -> Choice:
    """Return the middle of the region where the fitted mean, less 0.4 standard errors, is within 0.01 of its maximum.

    Candidates are evenly spread points of the space, the tried ones and `extra`; those outside the space are left out. The region has
    the choices of the best candidate, which is chosen itself if the region is so bent that its middle lies outside it.
    """
    options = tuple(options)
    spread = spread_points(options, CANDIDATES, BEYOND)
    points = [*spread, *(point for point in (*surface.tried, *extra) if inside(options, point))]
    at_PD = np.vstack([_spread_coordinates(options), coordinates(options, points[len(spread) :])])
    mean_P, sd_P = surface.at_coordinates(at_PD)
    cautious_P = mean_P - CAUTION * sd_P
    best = int(cautious_P.argmax())
    in_region_P = (cautious_P >= cautious_P[best] - NEAR) & _alike(options, at_PD, at_PD[best])
    # Tried points may be crowded: the middle is of space, so it is taken over evenly spread points
    even = at_PD[: len(spread)][in_region_P[: len(spread)]]
    chosen = _moved(options, points[best], even.mean(axis=0)) if len(even) else dict(points[best])
    mean, sd = surface.at([chosen])
    if mean[0] - CAUTION * sd[0] < cautious_P[best] - NEAR:
        chosen = dict(points[best])
        mean, sd = surface.at([chosen])
    edges = _edges(options, chosen, points[int(mean_P.argmax())], at_PD[in_region_P])
    return Choice(chosen, float(mean[0]), float(sd[0]), edges)


@functools.lru_cache(maxsize=32)
def _spread_coordinates(options: tuple[Option, ...]) -> Floats:
    return coordinates(options, spread_points(options, CANDIDATES, BEYOND))


def _alike(options: Sequence[Option], at_PD: Floats, one_D: Floats) -> NDArray[np.bool_]:
    """Return which points have the choices, and lack the options, that one point has and lacks."""
    alike = (np.isnan(at_PD) == np.isnan(one_D)).all(axis=1)
    for column, option in enumerate(options):
        if not option.is_numeric and not np.isnan(one_D[column]):
            alike = alike & (at_PD[:, column] == one_D[column])
    return np.asarray(alike)


def _moved(options: Sequence[Option], point: Point, to_D: Floats) -> dict[str, Value]:
    """Return the point with its numbers at other coordinates."""
    moved = dict(point)
    for option, u in zip(options, to_D, strict=True):
        if option.is_numeric and option.key in moved:
            moved[option.key] = option.value_at(float(u))
    return moved


def _edges(options: Sequence[Option], chosen: Point, highest: Point, region: Floats) -> tuple[str, ...]:
    """Return the options whose chosen value, or whose value at the fit's maximum, lies at an edge.

    A region that reaches from one edge to the other says that the option does not matter, not that the optimum is at an edge.
    """
    found = set(at_edge(options, chosen))
    for column, option in enumerate(options):
        if option.key in chosen and option.key in at_edge(options, highest):
            far = 1.0 if option.coordinate(highest[option.key]) < 0.5 else 0.0
            reach = np.abs(region[:, column] - far).min(initial=1.0)
            if reach > EDGE:
                found.add(option.key)
    return tuple(option.key for option in options if option.key in found)
