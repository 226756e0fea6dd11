"""Names of what a replay estimates of the law of entropy, and what its table shows of shapes of a bound."""

from __future__ import annotations

from collections.abc import Collection, Mapping

ESTIMATES = (
    "exponent",
    "length_exponent",
    "curvature",
    "exponent_offset",
    "exponent_absolute",
    "exponent_active",
    "slope",
    "intercept",
    "r2",
)
SHAPES = {"fixed": 0.0, "sqrt": 1.0, "linear": 2.0}
"""Shape of a bound on |D| to the exponent b of D^2 that it stands for."""
FREE, CURVED = "free", "curved"
"""The fitted exponent, and one that changes with entropy: what a shape can at best reach."""
FIXED = "fixed"
"""The shape that the others are compared with."""
GAINS = ("sqrt", "linear", FREE, CURVED)
"""Models whose held-out deviance is compared with that of a fixed bound."""


def excess(gain: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return by how much the deviance of each shape, and of the free exponent, is above the lowest of them; None if one of
    the gains over a fixed bound is unknown.
    """
    values = {model: 0.0 if model == FIXED else gain[model] for model in (*SHAPES, FREE)}
    known = [value for value in values.values() if value is not None]
    if len(known) < len(values):
        return dict.fromkeys(values)
    return {model: max(known) - value for model, value in values.items() if value is not None}


def fitting(plausible: Collection[str]) -> tuple[str, ...]:
    """Return the shapes that fit; none if all do, because then nothing distinguishes them."""
    return () if len(plausible) == len(SHAPES) else tuple(shape for shape in SHAPES if shape in plausible)
