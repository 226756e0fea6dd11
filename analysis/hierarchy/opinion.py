"""Differences between arms from draws, and whether the draws can be trusted. Pure functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRUSTED, NOT_TRUSTED = "trusted", "not to be trusted"
MOST_RHAT, FEWEST_DRAWS = 1.01, 400
"""Limits of Vehtari and others 2021 (arXiv 1903.08008): four chains of 100 effective draws each."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """Draws of each arm's accuracy, and the sampler's diagnostics. D is draws over all chains."""

    accuracy_DA: Floats
    """Mean over the population from which the arm's runs were drawn, on these questions, unweighted over sets."""
    spread_DA: Floats
    """Standard deviation of run effects (of a t distribution: its scale), in log-odds."""
    divergences: int
    rhat: float
    """The largest split R-hat of accuracies and spreads."""
    ess: float
    """The smallest effective sample size of accuracies and spreads."""
    target_accept: float


@dataclass(frozen=True)
class Opinion:
    """The posterior of one arm. Accuracies are shares."""

    arm: str
    against: str | None
    accuracy: float
    difference: float | None
    """Difference from the arm's reference: the posterior's mean with its central 95 % interval; None without a reference."""
    low: float | None
    high: float | None
    higher: float | None
    """Probability that the arm's accuracy is the higher one."""
    best: float | None
    """Probability that it is the highest of the competing arms; None for others."""
    spread: float
    """Spread of runs, in log-odds."""


def opinions(
    accuracy_DA: Floats,
    spread_DA: Floats,
    arms: Sequence[str],
    against: Mapping[str, str],
    competing: Sequence[str],
) -> list[Opinion]:
    """Return one Opinion per arm, in the order of the columns; `against` names an arm's reference."""
    place = {name: i for i, name in enumerate(arms)}
    rivals = [place[name] for name in competing]
    winner_D = np.asarray(rivals)[accuracy_DA[:, rivals].argmax(axis=1)]
    return [
        _opinion(
            name, against.get(name), accuracy_DA, spread_DA, place, winner_D if name in competing else None
        )
        for name in arms
    ]


def _opinion(
    name: str,
    other: str | None,
    accuracy_DA: Floats,
    spread_DA: Floats,
    place: Mapping[str, int],
    winner_D: Floats | None,
) -> Opinion:
    mine = place[name]
    difference = low = high = higher = None
    if other is not None and other in place:
        difference_D = accuracy_DA[:, mine] - accuracy_DA[:, place[other]]
        difference, higher = float(difference_D.mean()), float((difference_D > 0).mean())
        low, high = (float(end) for end in np.quantile(difference_D, (0.025, 0.975)))
    return Opinion(
        arm=name,
        against=other if difference is not None else None,
        accuracy=float(accuracy_DA[:, mine].mean()),
        difference=difference,
        low=low,
        high=high,
        higher=higher,
        best=None if winner_D is None else float((winner_D == mine).mean()),
        spread=float(spread_DA[:, mine].mean()),
    )


def state_of(divergences: int, rhat: float, ess: float) -> tuple[str, list[str]]:
    """Return whether draws can be trusted, and the reasons against it."""
    against = []
    if divergences:
        against.append(f"{divergences} divergences")
    if not rhat <= MOST_RHAT:
        against.append(f"R-hat {rhat:.3f} above {MOST_RHAT}")
    if not ess >= FEWEST_DRAWS:
        against.append(f"{ess:.0f} effective draws, fewer than {FEWEST_DRAWS}")
    return (NOT_TRUSTED if against else TRUSTED), against
