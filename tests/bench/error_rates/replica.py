"""The rules of analysis.statistics for many studies at once. A test holds each to the real function on generated tables.

Letters: S studies, A arms (the first is the baseline), P comparisons, R runs, F patterns of flipped signs.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.comparisons import two_sided_p
from analysis.statistics.permutation import TIE

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Found = tuple[Floats, Floats, Floats]
"""Difference, standard error and degrees of freedom."""
SCREEN, HOPELESS = 1024, 0.1
"""Flips that are looked at first, and the p over them from which on the rest can't bring it under .05: seven standard errors."""
CHUNK = 2**22


def against_baseline(arm_SAR: Floats) -> Found:
    """Welch's, of every arm but the first against the first; each (S, A - 1)."""
    first, second = np.arange(1, arm_SAR.shape[1]), np.zeros(arm_SAR.shape[1] - 1, dtype=int)
    return welch_pairs(arm_SAR, first, second)


def paired_against_baseline(arm_SAR: Floats) -> Found:
    """The paired t's of the same."""
    d = arm_SAR[:, 1:] - arm_SAR[:, :1]
    runs = d.shape[-1]
    return d.mean(axis=-1), d.std(axis=-1, ddof=1) / np.sqrt(runs), np.full(d.shape[:-1], runs - 1.0)


def welch_pairs(arm_SAR: Floats, first: NDArray[np.int_], second: NDArray[np.int_]) -> Found:
    """Of arms `first` against arms `second`; each (S, P)."""
    runs = arm_SAR.shape[-1]
    mean, v = arm_SAR.mean(axis=-1), arm_SAR.var(axis=-1, ddof=1) / runs
    a, b = v[:, first], v[:, second]
    if not (a + b > 1e-24).all():
        raise ValueError("a comparison without any spread: the rules have no p for it")
    return mean[:, first] - mean[:, second], np.sqrt(a + b), (a + b) ** 2 * (runs - 1) / (a**2 + b**2)


def common_spread_pairs(arm_SAR: Floats, first: NDArray[np.int_], second: NDArray[np.int_]) -> Found:
    """The same with one spread for all arms."""
    _, arms, runs = arm_SAR.shape
    mean = arm_SAR.mean(axis=-1)
    difference = mean[:, first] - mean[:, second]
    error = np.sqrt(arm_SAR.var(axis=-1, ddof=1).mean(axis=1) * 2 / runs)[:, None]
    return (
        difference,
        np.broadcast_to(error, difference.shape),
        np.full(difference.shape, arms * (runs - 1.0)),
    )


def careful_pairs(
    arm_SAR: Floats, first: NDArray[np.int_], second: NDArray[np.int_], has_collapses_S: Flags
) -> Found:
    """Welch's; where a run of the study collapsed, whichever of it and the common spread's has the larger p."""
    one = welch_pairs(arm_SAR, first, second)
    if not has_collapses_S.any():
        return one
    other = common_spread_pairs(arm_SAR, first, second)
    chosen = has_collapses_S[:, None] & (p_of(other) > p_of(one))
    return one[0], np.where(chosen, other[1], one[1]), np.where(chosen, other[2], one[2])


def p_of(found: Found, truth: Floats | float = 0.0) -> Floats:
    """Two-sided p of a true difference: the interval at 1 - alpha leaves it out where p is below alpha.

    1 where nothing estimates the spread, which a report leaves out of Holm's count instead: right and wrong answers of
    three pairs come to that now and then.
    """
    difference, error, df = found
    known = error > 1e-12
    return np.where(known, two_sided_p(difference - truth, np.where(known, error, 1.0), df), 1.0)


def holm(p_SP: Floats) -> Floats:
    """Holm's p."""
    order = np.argsort(p_SP, axis=1, kind="stable")
    left = p_SP.shape[1] - np.arange(p_SP.shape[1])
    raised = np.maximum.accumulate(np.minimum(1.0, left * np.take_along_axis(p_SP, order, axis=1)), axis=1)
    return _back(raised, order)


def holm_levels(p_SP: Floats, alpha: float) -> Floats:
    """The level at which Holm's step tests each comparison, or stops before it."""
    order = np.argsort(p_SP, axis=1, kind="stable")
    steps = alpha / (p_SP.shape[1] - np.arange(p_SP.shape[1]))
    found = np.take_along_axis(p_SP, order, axis=1) < steps
    stop = np.where(found.all(axis=1), p_SP.shape[1] - 1, found.argmin(axis=1))
    return _back(steps[np.minimum(np.arange(p_SP.shape[1]), stop[:, None])], order)


def could_be_best(arm_SAR: Floats, p_SP: Floats, below_SA: Flags, alpha: float) -> Flags:
    """Bold arms (S, A) from the p of all pairs and from those that the family shows to lie below another."""
    first, second = pairs(arm_SAR.shape[1])
    mean_SA = arm_SAR.mean(axis=-1)
    shown_SP = holm(p_SP) < alpha / 2
    lower_SP = np.where(mean_SA[:, first] <= mean_SA[:, second], first, second)
    out_SA = below_SA.copy()
    study_S, pair_P = np.nonzero(shown_SP)
    out_SA[study_S, lower_SP[study_S, pair_P]] = True
    lowest = np.where(out_SA, np.inf, mean_SA).min(axis=1)
    return np.asarray(mean_SA >= lowest[:, None])


def below(found: Found, alpha: float) -> Flags:
    """Arms (S, A) that a comparison against the baseline, the first, shows to lie below the other."""
    shown_SP, higher_SP = holm(p_of(found)) < alpha, found[0] > 0
    return np.hstack([(shown_SP & higher_SP).any(axis=1, keepdims=True), shown_SP & ~higher_SP])


def pairs(arms: int) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """All pairs, as two index arrays."""
    first, second = np.array([(i, j) for i, j in itertools.product(range(arms), repeat=2) if j < i]).T
    return first, second


def sign_flip_p(difference_SAR: Floats, rng: np.random.Generator | None = None) -> Floats:
    """Step-down max-T p over all flips. With a `rng`, a study whose smallest p is hopeless over some flips keeps p = 1."""
    studies, arms, runs = difference_SAR.shape
    scale = np.sqrt((difference_SAR**2).mean(axis=-1, keepdims=True))
    unit = np.divide(difference_SAR, scale, out=np.zeros_like(difference_SAR), where=scale > 0)
    flips_FR = all_flips(runs)
    rest = np.arange(studies)
    if rng is not None and len(flips_FR) > SCREEN:
        some_FR = flips_FR[rng.choice(len(flips_FR), SCREEN, replace=False)]
        rest = rest[_stepped(unit, some_FR).min(axis=1) < HOPELESS]
    p_SA = np.ones((studies, arms))
    p_SA[rest] = _stepped(unit[rest], flips_FR)
    return p_SA


def _stepped(unit_SAR: Floats, flips_FR: Floats) -> Floats:
    studies, arms, runs = unit_SAR.shape
    seen = np.abs(unit_SAR.mean(axis=-1))
    order = np.argsort(-seen, axis=1, kind="stable")
    ordered = np.take_along_axis(unit_SAR, order[..., None], axis=1)
    bound = np.take_along_axis(seen, order, axis=1) - TIE
    beyond = np.empty((studies, arms))
    chunk = max(1, CHUNK // (arms * len(flips_FR)))
    for start in range(0, studies, chunk):
        part = slice(start, start + chunk)
        flipped_SAF = np.abs(ordered[part] @ flips_FR.T) / runs
        for place in range(arms - 2, -1, -1):
            np.maximum(flipped_SAF[:, place], flipped_SAF[:, place + 1], out=flipped_SAF[:, place])
        beyond[part] = (flipped_SAF >= bound[part, :, None]).sum(axis=-1)
    return _back(np.maximum.accumulate(beyond / len(flips_FR), axis=1), order)


def all_flips(runs: int) -> Floats:
    """Every pattern of signs with the first kept."""
    return 1.0 - 2.0 * ((np.arange(2 ** (runs - 1))[:, None] >> np.arange(runs)) & 1)


def _back(value_SP: Floats, order: NDArray[np.int_]) -> Floats:
    out = np.empty_like(value_SP)
    np.put_along_axis(out, order, value_SP, axis=1)
    return out


def pooled(value_SAR: Floats, weight_A: Floats, is_paired: bool) -> Found:
    """A contrast of arm means, each (S,)."""
    runs = value_SAR.shape[-1]
    if is_paired:
        value_SR = np.einsum("a,sar->sr", weight_A, value_SAR)
        return (
            value_SR.mean(axis=-1),
            value_SR.std(axis=-1, ddof=1) / np.sqrt(runs),
            np.full(len(value_SR), runs - 1.0),
        )
    v = weight_A**2 * value_SAR.var(axis=-1, ddof=1) / runs
    total = v.sum(axis=-1)
    at_equal_spreads = (weight_A**2).sum() ** 2 * (runs - 1) / (weight_A**4).sum()
    df = np.minimum(total**2 * (runs - 1) / (v**2).sum(axis=-1), at_equal_spreads)
    return value_SAR.mean(axis=-1) @ weight_A, np.sqrt(total), df


def differ_p(value_SAR: Floats, between_KA: Floats) -> Floats:
    """Johansen's p of the hypothesis that contrasts do not differ; `between_KA` spans their differences."""
    runs, k = value_SAR.shape[-1], len(between_KA)
    v = value_SAR.var(axis=-1, ddof=1) / runs
    inner = np.linalg.inv(np.einsum("ka,sa,la->skl", between_KA, v, between_KA))
    d = value_SAR.mean(axis=-1) @ between_KA.T
    statistic = np.einsum("sk,skl,sl->s", d, inner, d)
    share = np.einsum("ka,skl,la->sa", between_KA, inner, between_KA) * v
    a = (share**2).sum(axis=-1) / (runs - 1)
    return np.asarray(special.fdtrc(k, k * (k + 2) / (3 * a), statistic / (k + 2 * a - 6 * a / (k + 2))))


def paired_differ_p(value_SAR: Floats, between_KA: Floats) -> Floats:
    """Hotelling's p of the same, within seeds."""
    runs, k = value_SAR.shape[-1], len(between_KA)
    value_SKR = between_KA @ value_SAR
    mean = value_SKR.mean(axis=-1)
    centered = value_SKR - mean[..., None]
    covariance = centered @ centered.transpose(0, 2, 1) / (runs - 1)
    t2 = runs * np.einsum("sk,sk->s", mean, np.linalg.solve(covariance, mean[..., None])[..., 0])
    return np.asarray(special.fdtrc(k, runs - k, t2 * (runs - k) / (k * (runs - 1))))


def pooled_with_common_spread(value_SAR: Floats, weight_A: Floats) -> Found:
    """The contrast with one spread for all arms."""
    _, arms, runs = value_SAR.shape
    error = np.sqrt(value_SAR.var(axis=-1, ddof=1).mean(axis=1) * (weight_A**2).sum() / runs)
    return value_SAR.mean(axis=-1) @ weight_A, error, np.full(len(value_SAR), arms * (runs - 1.0))


def differ_p_with_common_spread(value_SAR: Floats, between_KA: Floats) -> Floats:
    """The F test of the same hypothesis with one spread for all arms."""
    _, arms, runs = value_SAR.shape
    k, df = len(between_KA), arms * (runs - 1.0)
    d = value_SAR.mean(axis=-1) @ between_KA.T
    inner = np.linalg.inv(between_KA @ between_KA.T) * runs
    f = np.einsum("sk,kl,sl->s", d, inner, d) / value_SAR.var(axis=-1, ddof=1).mean(axis=1) / k
    return np.asarray(special.fdtrc(k, df, f))
