"""Shapes of a bound on |D| compared on held-out units: fixed, as the square root of entropy, or in proportion to it.

Runs (rollouts of the only run) are split into every other one and those between; each half is scored under parameters of
the other. The score is the deviance of D^2 per segment (power_law.deviance): the scale of an optimizer step is free
under every shape alike, so that only the dependence on entropy is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sspo.metrics.law import CURVED, FIXED, FREE, GAINS, SHAPES
from sspo.replay.law.cells import Cells, join
from sspo.replay.law.estimates import over_units, sample_of
from sspo.replay.law.power_law import Sample, deviance, fit

MODELS = (FIXED, *GAINS)
Scores = Mapping[str, Sequence[float]]
"""Deviance of each unit by model."""


def held_out(units: Sequence[Cells]) -> Scores:
    """Return the held-out deviance of each unit; empty if a half cannot be fitted or if there is one unit."""
    units = [cells for cells in units if cells.squares_K[cells.above_K].any()]
    if len(units) < 2:
        return {}
    scores: dict[str, list[float]] = {model: [0.0] * len(units) for model in MODELS}
    for half in (0, 1):
        fitted = join(units[half::2])
        for model in MODELS:
            theta_P = fit(_sample(fitted, model), needed={FREE: 1, CURVED: 2}.get(model, 0))
            if theta_P is None:
                return {}
            for place in range(1 - half, len(units), 2):
                scores[model][place] = deviance(_sample(units[place], model), theta_P)
    return scores


def _sample(cells: Cells, model: str) -> Sample:
    return sample_of(cells, known=SHAPES.get(model), curved=model == CURVED)


def gains(scores: Scores) -> dict[str, Any]:
    """Return how much lower each model's deviance is than that of a fixed bound, per segment, over units."""
    if not scores:
        return {model: over_units([]) for model in GAINS}
    return {model: _less(scores, model, FIXED) for model in GAINS}


def plausible_shapes(scores: Scores) -> tuple[str, ...]:
    """Return the shape of the lowest deviance, and those over which the interval of its lead does not exclude 0."""
    if not scores:
        return tuple(SHAPES)
    first = min(SHAPES, key=lambda shape: float(np.mean(scores[shape])))
    return tuple(shape for shape in SHAPES if shape == first or not _leads(scores, first, shape))


def _leads(scores: Scores, first: str, other: str) -> bool:
    low = _less(scores, first, other)["low"]
    return low is not None and low > 0


def _less(scores: Scores, model: str, other: str) -> dict[str, Any]:
    return over_units([a - b for a, b in zip(scores[other], scores[model], strict=True)])
