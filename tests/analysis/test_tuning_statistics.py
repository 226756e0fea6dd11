"""The fit over pilot points, the chosen point, expected best scores and sensitivity: hand-computed numbers and other ways to the same ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal
from tuned_arms import NOISE, OPTIONS, best, hill, pilot, plateau, score, sobol

from analysis.statistics import named_rng
from analysis.statistics.tuning import kernel
from analysis.statistics.tuning import surface as fitted
from analysis.statistics.tuning.best_curve import best_curve, expected_best
from analysis.statistics.tuning.choice import Choice, choose
from analysis.statistics.tuning.sensitivity import box, over_plateau, sensitivity
from analysis.statistics.tuning.space import (
    Option,
    Point,
    Value,
    at_edge,
    coordinates,
    inside,
    space_of,
    spread_points,
)
from analysis.statistics.tuning.surface import Surface, fit, pooled_noise

Floats = NDArray[np.float64]
LR = Option(key="lr", kind="float", low=1e-4, high=1e-2, log=True)
STEPPED = Option(key="beta", kind="float", low=0.0, high=0.7, step=0.2)
WHOLE = Option(key="epochs", kind="int", low=1, high=9)
RULE = Option(key="rule", kind="choices", choices=("token", 1, True, None))
CONDITIONAL = space_of(
    [
        {"key": "rule", "kind": "choices", "choices": ["token", "segment"], "low": None, "high": None},
        {"key": "size", "kind": "int", "low": 2, "high": 6, "when": [{"key": "rule", "values": ["segment"]}]},
        {"key": "lr", "kind": "float", "low": 0.0, "high": 1.0, "log": False, "step": None, "choices": None},
    ]
)


@dataclass(frozen=True)
class Known:
    """A surface that is known everywhere, in place of a fit."""

    options: tuple[Option, ...]
    of: Callable[[Floats], Floats]
    sd: float = 0.0
    tried: tuple[Point, ...] = ()

    def at(self, points: Sequence[Point]) -> tuple[Floats, Floats]:
        return self.at_coordinates(coordinates(self.options, points))

    def at_coordinates(self, at: Floats) -> tuple[Floats, Floats]:
        return self.of(at), np.full(len(at), self.sd)


def choice_of(options: Sequence[Option], of: Callable[[Floats], Floats]) -> Choice:
    return choose(options, cast(Surface, Known(tuple(options), of)))


@pytest.mark.parametrize(
    ("option", "value", "at"),
    [(LR, 1e-3, 0.5), (LR, 1e-2, 1.0), (STEPPED, 0.4, 4 / 7), (WHOLE, 3, 0.25), (RULE, True, 0.625), (RULE, 1, 0.375)],
)  # fmt: skip
def test_a_value_has_a_coordinate_and_comes_back_from_it(option: Option, value: Value, at: float) -> None:
    assert option.coordinate(value) == pytest.approx(at)
    back = option.value_at(at)
    assert type(back) is type(value)
    assert back == pytest.approx(value)


def test_values_are_on_their_grid_in_their_range_and_have_three_digits() -> None:
    assert LR.value_at(0.25) == 0.000316
    assert [STEPPED.value_at(u) for u in (0, 0.2, 0.99, 1)] == [0.0, 0.2, 0.6, 0.6]  # 0.8 is beyond 0.7
    assert [WHOLE.value_at(u) for u in (0, 0.07, 1)] == [1, 2, 9]
    uneven = Option(key="x", kind="float", low=0.12345, high=0.98765)
    assert (uneven.value_at(0), uneven.value_at(-1), uneven.value_at(1)) == (0.12345, 0.12345, 0.98765)


def test_a_point_has_the_active_options_and_values_in_range() -> None:
    assert inside(CONDITIONAL, {"rule": "segment", "size": 6, "lr": 0.5})
    assert inside(CONDITIONAL, {"rule": "token", "lr": 0.5})
    for wrong in ({"rule": "token", "size": 3, "lr": 0.5}, {"rule": "segment", "lr": 0.5}, {"rule": "token", "lr": 1.5}):  # fmt: skip
        assert not inside(CONDITIONAL, wrong)
    assert all(inside(CONDITIONAL, point) for point in spread_points(CONDITIONAL, 64))


def test_edges_are_the_last_tenth_and_the_last_value_of_a_grid() -> None:
    options = (LR, STEPPED, WHOLE, RULE)
    assert at_edge(options, {"lr": 9e-3, "beta": 0.6, "epochs": 2, "rule": "token"}) == ("lr", "beta")
    assert at_edge(options, {"lr": 5e-3, "beta": 0.2, "epochs": 1, "rule": "token"}) == ("epochs",)


def test_noise_is_pooled_over_points_with_two_runs() -> None:
    assert pooled_noise([[0.5, 0.6], [0.3], [0.1, 0.2, 0.3]]) == pytest.approx(math.sqrt((0.005 + 0.02) / 3))
    assert pooled_noise([[0.5], [0.6]]) is None


@pytest.mark.parametrize("noise", [0.05, None])
def test_the_fit_is_the_average_over_scales_of_what_normal_scores_imply(noise: float | None) -> None:
    """By joint normal densities with a constant of very large variance; kernels written out point by point."""
    points = [{"rule": "token", "lr": 0.1}, {"rule": "segment", "size": 3, "lr": 0.4}, {"rule": "segment", "size": 6, "lr": 0.9}]  # fmt: skip
    new = [{"rule": "segment", "size": 5, "lr": 0.6}, {"rule": "token", "lr": 0.3}]
    scores, options = [[0.4, 0.46], [0.55], [0.5, 0.42, 0.47]], CONDITIONAL

    def apart(option: Option, a: Point, b: Point) -> float:
        if (option.key in a) != (option.key in b):
            return 1.0
        if option.key not in a:
            return 0.0
        if not option.is_numeric:
            return float(a[option.key] != b[option.key])
        return abs(option.coordinate(a[option.key]) - option.coordinate(b[option.key]))

    def tilt(point: Point) -> Floats:
        return np.array([2 * o.coordinate(point[o.key]) - 1 if o.key in point else 0.0 for o in options[1:]])

    def fall(point: Point) -> float:
        return -kernel.DOME * sum(float(t) ** 2 if o.key in point else 1 / 3 for t, o in zip(tilt(point), options[1:], strict=True))  # fmt: skip

    everything, y, wide = [*points, *new], np.array([np.mean(group) for group in scores]), 1e4
    weights, means, squares = [], [], []
    for lengths in itertools.product(kernel.FEWER_LENGTHS, repeat=3):
        like = np.array([[math.exp(-sum((apart(o, a, b) / x) ** 2 for o, x in zip(options, lengths, strict=True)) / 2) + kernel.TREND * tilt(a) @ tilt(b) for b in everything] for a in everything])  # fmt: skip
        for signal, one in itertools.product(fitted.SIGNALS, fitted.NOISES if noise is None else (noise,)):
            prior = signal * np.array([fall(point) for point in everything])
            cov = signal**2 * like + wide
            seen = cov[:3, :3] + np.diag([one**2 / len(group) for group in scores])
            weights.append(multivariate_normal(prior[:3], seen).logpdf(y))
            gain = cov[3:, :3] @ np.linalg.inv(seen)
            means.append(prior[3:] + gain @ (y - prior[:3]))
            squares.append(np.diag(cov[3:, 3:] - gain @ cov[:3, 3:]) + means[-1] ** 2)
    share = np.exp(np.array(weights) - max(weights))
    share /= share.sum()
    mean = share @ np.array(means)
    sd = fitted.WIDER * np.sqrt(share @ np.array(squares) - mean**2)
    found = fit(options, points, scores, noise=noise).at(new)
    assert found[0] == pytest.approx(mean, abs=2e-4)
    assert found[1] == pytest.approx(sd, rel=5e-3)


@pytest.mark.parametrize("noise", [0.0, 0.05, None])
@pytest.mark.parametrize(
    ("points", "scores"),
    [
        ([{"lr": 1e-3}], [[0.4]]),
        ([{"lr": 1e-4}] * 3, [[0.4, 0.4], [0.4], [0.4]]),
        ([{"lr": 1e-4}, {"lr": 1e-3}], [[0.0], [1.0]]),
        ([{"lr": x * 1e-4} for x in range(1, 31)], [[0.0]] * 30),
    ],
)
def test_few_equal_and_repeated_points_have_a_fit(
    points: list[Point], scores: list[list[float]], noise: float | None
) -> None:
    surface = fit((LR,), points, scores, noise=noise)
    chosen, curve = choose((LR,), surface), best_curve(surface, 4, named_rng("few points"))
    along = sensitivity((LR,), surface, chosen.point)
    numbers = [chosen.mean, chosen.sd, *over_plateau((LR,), surface, chosen.point), *along[0].mean]
    assert np.isfinite([*numbers, *curve.mean, *curve.low, *curve.high]).all()
    assert chosen.sd > 0
    assert inside((LR,), chosen.point)
    assert (curve.low >= 0).all()
    assert (curve.high <= 1).all()


def test_an_arm_without_options_has_one_point() -> None:
    surface = fit((), [{}], [[0.4, 0.6]], noise=0.1)
    assert choose((), surface).point == {}
    assert best_curve(surface, 2, named_rng("no options")).mean == pytest.approx([0.5, 0.5], abs=0.01)
    assert over_plateau((), surface, {}) == pytest.approx((0.5, fitted.WIDER * 0.1 / math.sqrt(2)))
    assert not sensitivity((), surface, {})


@pytest.mark.parametrize("scores", [[], [[]], [[math.nan]], [[0.1], [0.2]]])
def test_a_fit_without_usable_scores_is_refused(scores: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="score"):
        fit((LR,), [{"lr": 1e-3}], scores, noise=None)


def test_draws_average_to_the_fit_and_have_its_error() -> None:
    rng = named_rng("draws of a surface")
    surface = pilot(plateau, sobol(rng, 8), rng).fit(NOISE)
    points = spread_points(OPTIONS, 16)
    drawn = surface.draws(points, 20_000, rng)
    mean, sd = surface.at(points)
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.003)
    assert fitted.WIDER * drawn.std(axis=0) == pytest.approx(sd, rel=0.05)
    of_mean = drawn.mean(axis=1)
    assert surface.average(points) == pytest.approx((of_mean.mean(), fitted.WIDER * of_mean.std()), rel=0.04)


def test_the_order_of_points_does_not_matter_to_a_fit() -> None:
    rng = named_rng("order of points")
    one = pilot(hill, sobol(rng, 8), rng)
    there = spread_points(OPTIONS, 32)
    back = fit(OPTIONS, one.points[::-1], one.scores[::-1].tolist(), noise=NOISE)
    assert back.at(there)[0] == pytest.approx(one.fit(NOISE).at(there)[0], abs=1e-9)


def test_the_middle_of_a_plateau_is_chosen_and_not_its_brink() -> None:
    x = Option(key="x", kind="float", low=0.0, high=1.0)
    chosen = choice_of(
        (x,), lambda at: np.where((at[:, 0] > 0.2) & (at[:, 0] < 0.6), 0.5 + 0.001 * at[:, 0], 0.1)
    )
    assert chosen.point["x"] == pytest.approx(0.4, abs=0.01)
    assert chosen.edges == ()


def test_of_two_plateaus_and_of_a_ring_no_point_between_is_chosen() -> None:
    square = tuple(Option(key=key, kind="float", low=-1.0, high=1.0) for key in "xy")

    def ring(at: Floats) -> Floats:
        return 0.5 - np.abs(np.hypot(*(2 * at - 1).T) - 0.8)

    chosen = choice_of(square, ring)
    assert math.hypot(*(float(chosen.point[key] or 0) for key in "xy")) == pytest.approx(0.8, abs=0.02)
    kinds = (Option(key="kind", kind="choices", choices=("a", "b")), *square[:1])
    chosen = choice_of(kinds, lambda at: 0.5 - np.abs(at[:, 1] - np.where(at[:, 0] < 0.5, 0.2, 0.8)))
    assert abs(float(chosen.point["x"] or 0)) == pytest.approx(0.6, abs=0.01)


def test_an_optimum_at_an_edge_is_said_unless_the_option_does_not_matter() -> None:
    square = tuple(Option(key=key, kind="float", low=0.0, high=1.0) for key in "xy")
    assert choice_of(square, lambda at: 0.3 + 0.2 * at[:, 0] + 1e-4 * at[:, 1]).edges == ("x",)


def test_the_fit_chooses_better_than_the_luckiest_trial() -> None:
    lost: dict[str, list[float]] = {"fit": [], "luckiest": []}
    for arm in range(40):
        rng = named_rng("choices", arm)
        one = pilot(hill, sobol(rng, 8), rng)
        lost["fit"].append(best(hill) - score(hill, choose(OPTIONS, one.fit(NOISE)).point))
        lost["luckiest"].append(best(hill) - score(hill, one.luckiest))
    assert np.mean(lost["fit"]) < 0.6 * np.mean(lost["luckiest"])


def test_expected_best_by_hand() -> None:
    assert expected_best(np.array([1.0, 0.0]), 3) == pytest.approx([1 / 2, 3 / 4, 7 / 8])
    assert expected_best(np.array([[0.3, 0.1, 0.2]]), 2)[0] == pytest.approx(
        [0.2, (5 * 0.3 + 3 * 0.2 + 0.1) / 9]
    )


def test_noise_does_not_raise_the_expected_best() -> None:
    """Where nothing matters, the best of eight scores lies above the truth; the fit's best does so far less."""
    above: dict[str, list[float]] = {"fit": [], "scores": []}
    for arm in range(20):
        rng = named_rng("nothing matters", arm)
        one = pilot(lambda lr, clip: 0.5 + 0 * lr, sobol(rng, 8), rng)
        above["fit"].append(best_curve(one.fit(NOISE), 8, rng).mean[-1] - 0.5)
        above["scores"].append(expected_best(one.scores.mean(axis=1), 8)[-1] - 0.5)
    assert np.mean(above["scores"]) > 0.03
    assert np.mean(above["fit"]) < 0.025


def test_a_curve_and_its_plateau_by_hand() -> None:
    x, y = (Option(key=key, kind="float", low=0.0, high=4.0) for key in "xy")
    known = cast(Surface, Known((x, y), lambda at: 0.9 - np.abs(at[:, 0] - 0.5) - at[:, 1], sd=0.01))
    along, _ = sensitivity((x, y), known, {"x": 2.0, "y": 1.0}, margin=0.125)
    assert along.mean.max() == pytest.approx(0.65)
    assert along.high - along.mean == pytest.approx(0.0196, abs=1e-4)
    assert (along.plateau.low, along.plateau.high, along.plateau.share) == pytest.approx(
        (1.5, 2.5, 0.25), abs=0.02
    )


def test_a_plateau_is_the_part_around_the_chosen_value() -> None:
    x = Option(key="x", kind="float", low=0.0, high=1.0)
    known = cast(Surface, Known((x,), lambda at: np.where(np.abs(at[:, 0] - 0.5) < 0.1, 0.1, 0.5)))
    (along,) = sensitivity((x,), known, {"x": 0.2})
    assert (along.plateau.low, along.plateau.high) == pytest.approx((0.0, 0.4), abs=0.02)
    (outside,) = sensitivity((x,), known, {"x": 0.5})
    assert (outside.plateau.share, outside.plateau.low) == (0.0, 0.5)


def test_along_choices_options_that_become_active_take_their_middle() -> None:
    seen: list[Floats] = []
    known = cast(Surface, Known(CONDITIONAL, lambda at: seen.append(at) or np.full(len(at), 0.5)))
    rule, lr = sensitivity(CONDITIONAL, known, {"rule": "token", "lr": 0.25})
    assert (rule.values, rule.plateau.share, rule.plateau.low, lr.key) == (
        ("token", "segment"),
        1.0,
        "token",
        "lr",
    )
    assert seen[0][1] == pytest.approx([0.75, 0.5, 0.25])


def test_the_box_of_a_plateau_is_half_of_each_range_and_ends_with_the_space() -> None:
    points = box((*OPTIONS, RULE), {"trainer.lr": 10**-3.9, "clip_scale": 1.0, "rule": None})
    at = coordinates(OPTIONS, points)
    assert at.min(axis=0) == pytest.approx([0, 0.25], abs=0.01)
    assert at.max(axis=0) == pytest.approx([0.35, 0.75], abs=0.01)
    assert {point["rule"] for point in points} == {None}
