"""Simulated tuning, where the truth is known: equal arms stay equal, the choice is good, intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from tuned_arms import (
    EVERYWHERE,
    FAMILIES,
    NOISE,
    OPTIONS,
    Truth,
    best,
    hill,
    pilot,
    plateau,
    score,
    sobol,
)

from analysis.statistics import named_rng, welch
from analysis.statistics.tuning.best_curve import best_curve, expected_best
from analysis.statistics.tuning.choice import choose
from analysis.statistics.tuning.sensitivity import box, over_plateau, sensitivity
from analysis.statistics.tuning.surface import pooled_noise

STUDIES, POINTS, FRESH, ARMS = 2000, 8, 8, 50


@pytest.mark.acceptance
@pytest.mark.parametrize("truth", [hill, plateau])
def test_one_arm_under_two_names_is_not_told_apart_after_tuning(truth: Truth) -> None:
    """Common points, pilot noise of their own, eight fresh seeds each: at most six percent, of which Welch's own level is five.

    The rest is luck of tuning, a true difference: the two names train at different points. It is why the luckiest trial does worse.
    """
    equal = {"fit": 0, "luckiest": 0}
    lost: dict[str, list[float]] = {"fit": [], "luckiest": []}
    for study in range(STUDIES):
        rng = named_rng("one arm under two names", truth.__name__, study)
        at = sobol(rng, POINTS)
        pilots = [pilot(truth, at, rng) for _ in range(2)]
        noise = pooled_noise([group for one in pilots for group in one.scores.tolist()])
        chosen = {
            "fit": [choose(OPTIONS, one.fit(noise)).point for one in pilots],
            "luckiest": [one.luckiest for one in pilots],
        }
        luck = NOISE * rng.standard_normal((2, FRESH))
        for rule, points in chosen.items():
            a, b = (score(truth, point) for point in points)
            p = welch(a + luck[0], b + luck[1]).p
            equal[rule] += p is not None and p >= 0.05
            lost[rule] += [best(truth) - a, best(truth) - b]
    rates = {rule: count / STUDIES for rule, count in equal.items()}
    regret = {rule: float(np.mean(values)) for rule, values in lost.items()}
    assert rates["fit"] >= 0.94, (rates, regret)
    assert rates["luckiest"] < rates["fit"], (rates, regret)
    assert regret["fit"] < 0.6 * regret["luckiest"], (rates, regret)


@pytest.mark.acceptance
def test_intervals_hold_the_truth_of_arms_that_the_fit_does_not_expect() -> None:
    held: dict[str, list[float]] = {"best": [], "along": [], "box": []}
    lost: dict[str, list[float]] = {"fit": [], "luckiest": []}
    for family in FAMILIES:
        for arm in range(ARMS):
            rng = named_rng("intervals of tuning", family.__name__, arm)
            truth = family(rng)
            one = pilot(truth, sobol(rng, POINTS), rng)
            surface = one.fit(pooled_noise(one.scores.tolist()))
            point = choose(OPTIONS, surface).point
            curve = best_curve(surface, POINTS, rng)
            true = expected_best(truth(*EVERYWHERE), POINTS)
            held["best"] += ((curve.low <= true) & (true <= curve.high)).tolist()
            for along in sensitivity(OPTIONS, surface, point):
                true = np.array([score(truth, {**point, along.key: value}) for value in along.values])
                held["along"] += ((along.low <= true) & (true <= along.high)).tolist()
            mean, sd = over_plateau(OPTIONS, surface, point)
            true_mean = np.mean([score(truth, inner) for inner in box(OPTIONS, point)])
            held["box"].append(abs(true_mean - mean) <= 1.96 * sd)
            lost["fit"].append(best(truth) - score(truth, point))
            lost["luckiest"].append(best(truth) - score(truth, one.luckiest))
    shares = {what: float(np.mean(values)) for what, values in held.items()}
    regret = {rule: float(np.mean(values)) for rule, values in lost.items()}
    assert min(shares.values()) >= 0.93, shares
    assert regret["fit"] < 0.8 * regret["luckiest"], regret
