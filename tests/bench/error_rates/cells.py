"""One cell: a world, whether arms share seeds, and a number of runs. How often each rule errs there, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analysis import statistics as ours
from analysis.statistics.sign_flips import FEWEST_PAIRS
from tests.bench.error_rates import replica
from tests.bench.error_rates.rate import Rate
from tests.bench.error_rates.worlds import ARMS, World, has_collapses

ALPHA = 0.05
RUNS = (3, 4, 5, 8, 16)
RAISED = 2
"""The arm with an effect, of the baseline's spread and nearly its share of collapses."""
LOWERED = 3
"""So many arms lie 2 sd below the others where three arms are equal and the best."""
FLIPPED, RAISED_FLIPPED = 4000, 200
"""The first so many studies of 16 seeds have their signs flipped, in 32,768 ways each; and so many for the power of it."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FINDINGS = {
    "careful": "any false finding",
    "welch": "any false finding, Welch's t alone",
    "paired": "any false finding, paired t",
    "flips": "any false finding, joint sign flips",
    "unmarked": "any false finding that sign flips support",
    "careful_beside": "any false finding beside a real effect",
    "bold": "an equal arm un-bolded",
    "bold_beside": "one of three equal best arms un-bolded",
}
MISSES = {
    "mean": "a mean's interval misses, worst arm",
    "difference": "a difference's interval misses, worst arm",
    "adjusted": "an adjusted interval misses, worst arm",
    "difference_paired": "a paired difference's interval misses, worst arm",
}
POWERS = {
    f"{rule}_{size}": f"{rule} finds {size} sd" for size in (1, 2) for rule in ("careful", "paired", "flips")
}


def measure(world: World, shared: bool, runs: int, studies: int) -> dict[str, Rate]:
    """All rates of a cell, by the keys above. Equal arguments, equal numbers."""
    name = ("error rates", world.name, "shared" if shared else "own", runs)
    rng = ours.named_rng(*name)
    arm_SAR = world.draw(rng, studies, runs, shared)
    fallen_S = has_collapses(world, arm_SAR)
    rates = _null(arm_SAR, fallen_S, rng) | _means(arm_SAR)
    for size in (1, 2):
        moved = arm_SAR.copy()
        moved[:, RAISED] += size * world.sd
        rates |= _beside(moved, fallen_S, size, size * world.sd, rng)
        rates["adjusted"] = max(rates["adjusted"], rates.pop("adjusted_beside"), key=lambda rate: rate.share)
    lowered = arm_SAR.copy()
    lowered[:, :LOWERED] -= 2 * world.sd
    rates["bold_beside"] = Rate.of(~_bold(lowered, fallen_S)[:, LOWERED:].all(axis=1))
    return rates


def careful(arm_SAR: Floats, fallen_S: Flags) -> replica.Found:
    """What a report tests: every arm against the baseline."""
    first, second = np.arange(1, arm_SAR.shape[1]), np.zeros(arm_SAR.shape[1] - 1, dtype=int)
    return replica.careful_pairs(arm_SAR, first, second, fallen_S)


def _finds(found: replica.Found) -> Flags:
    return np.asarray(replica.holm(replica.p_of(found)) < ALPHA)


def _flips(arm_SAR: Floats, rng: np.random.Generator) -> Flags:
    return np.asarray(replica.sign_flip_p(arm_SAR[:, 1:] - arm_SAR[:, :1], rng) < ALPHA)


def _some(arm_SAR: Floats, studies: int) -> Floats:
    return arm_SAR if arm_SAR.shape[-1] == FEWEST_PAIRS else arm_SAR[:studies]


def _bold(arm_SAR: Floats, fallen_S: Flags) -> Flags:
    found = replica.careful_pairs(arm_SAR, *replica.pairs(ARMS), fallen_S)
    below_SA = replica.below(careful(arm_SAR, fallen_S), ALPHA)
    return replica.could_be_best(arm_SAR, replica.p_of(found), below_SA, ALPHA)


def _null(arm_SAR: Floats, fallen_S: Flags, rng: np.random.Generator) -> dict[str, Rate]:
    found, paired = careful(arm_SAR, fallen_S), replica.paired_against_baseline(arm_SAR)
    p_SA, found_SA = replica.p_of(found), _finds(found)
    rates = {
        "careful": Rate.of(found_SA.any(axis=1)),
        "welch": Rate.of(_finds(replica.against_baseline(arm_SAR)).any(axis=1)),
        "paired": Rate.of(_finds(paired).any(axis=1)),
        "bold": Rate.of(~_bold(arm_SAR, fallen_S).all(axis=1)),
        "difference": Rate.worst(p_SA < ALPHA),
        "adjusted": Rate.worst(p_SA < replica.holm_levels(p_SA, ALPHA)),
        "difference_paired": Rate.worst(replica.p_of(paired) < ALPHA),
    }
    if arm_SAR.shape[-1] >= FEWEST_PAIRS:
        flips_SA = _flips(_some(arm_SAR, FLIPPED), rng)
        rates["flips"] = Rate.of(flips_SA.any(axis=1))
        rates["unmarked"] = Rate.of((flips_SA & found_SA[: len(flips_SA)]).any(axis=1))
    return rates


def _means(arm_SAR: Floats) -> Mapping[str, Rate]:
    runs = arm_SAR.shape[-1]
    error = arm_SAR.std(axis=-1, ddof=1) / np.sqrt(runs)
    p_SA = replica.p_of((arm_SAR.mean(axis=-1), error, np.full(error.shape, runs - 1.0)))
    return {"mean": Rate.worst(p_SA < ALPHA)}


def _beside(
    arm_SAR: Floats, fallen_S: Flags, size: int, effect: float, rng: np.random.Generator
) -> dict[str, Rate]:
    """With one arm raised: the rest is still equal."""
    raised = RAISED - 1
    found = careful(arm_SAR, fallen_S)
    p_SA, found_SA = replica.p_of(found), _finds(found)
    truth_A = np.where(np.arange(ARMS - 1) == raised, effect, 0.0)
    rates = {
        f"careful_{size}": Rate.of(found_SA[:, raised]),
        f"paired_{size}": Rate.of(_finds(replica.paired_against_baseline(arm_SAR))[:, raised]),
        "careful_beside": Rate.of(np.delete(found_SA, raised, axis=1).any(axis=1)),
        "adjusted_beside": Rate.worst(replica.p_of(found, truth_A) < replica.holm_levels(p_SA, ALPHA)),
    }
    runs = arm_SAR.shape[-1]
    if runs >= FEWEST_PAIRS:
        rates[f"flips_{size}"] = Rate.of(_flips(_some(arm_SAR, RAISED_FLIPPED), rng)[:, raised])
    return rates
