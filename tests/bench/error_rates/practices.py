"""What people do with few runs, and how often it errs beside the house's rules: no arm differs, so every finding is false.

A run scores five tasks, any two of which correlate as a column says.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, stats

from analysis import statistics as ours
from tests.analysis.simulated_runs import draw_scores
from tests.bench.error_rates import replica

RUNS, WITHIN = (3, 5, 8), (0.0, 0.5, 0.8)
STUDIES, RESAMPLES = 4000, 1000
ALPHA, ARMS = 0.05, 6
STEPS, STEP_SD = 10, 0.5
CRASHES = 0.25
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Practice:
    """What somebody does, how often it errs, and whether the house does it."""

    does: str
    error: str
    house: bool
    rate: Callable[[np.random.Generator, int, float], float]


def _arms(rng: np.random.Generator, arms: int, runs: int, within: float, paired: bool) -> Floats:
    return draw_scores(rng, STUDIES, arms, runs, within, paired).mean(axis=-1)


def _paired_p(arm_SAR: Floats) -> Floats:
    return replica.p_of(replica.paired_against_baseline(arm_SAR))


def _welch_p(arm_SAR: Floats) -> Floats:
    return replica.p_of(replica.against_baseline(arm_SAR))


def paired_test(rng: np.random.Generator, runs: int, within: float) -> float:
    """Paired t on shared seeds."""
    return float((_paired_p(_arms(rng, 2, runs, within, True)) < ALPHA).mean())


def welch_test(rng: np.random.Generator, runs: int, within: float) -> float:
    """Welch's t on seeds of their own."""
    return float((_welch_p(_arms(rng, 2, runs, within, False)) < ALPHA).mean())


def welch_on_pairs(rng: np.random.Generator, runs: int, within: float) -> float:
    """Welch's t on shared seeds."""
    return float((_welch_p(_arms(rng, 2, runs, within, True)) < ALPHA).mean())


def holm_family(rng: np.random.Generator, runs: int, within: float) -> float:
    """Any of five arms against one baseline, Holm's adjustment."""
    p_SA = _welch_p(_arms(rng, ARMS, runs, within, False))
    return float((replica.holm(p_SA) < ALPHA).any(axis=1).mean())


def unadjusted_family(rng: np.random.Generator, runs: int, within: float) -> float:
    """The same without an adjustment."""
    return float((_welch_p(_arms(rng, ARMS, runs, within, False)) < ALPHA).any(axis=1).mean())


def scores_as_runs(rng: np.random.Generator, runs: int, within: float) -> float:
    """Welch's t over all scores, as if a run's tasks were runs."""
    score_SART = draw_scores(rng, STUDIES, 2, runs, within, False)
    return float((_welch_p(score_SART.reshape(STUDIES, 2, -1)) < ALPHA).mean())


def _drawn(rng: np.random.Generator, arm_SR: Floats) -> Floats:
    """Bootstrap means (S, resamples). One set of resamples serves all studies: each alone gets what it would get."""
    runs = arm_SR.shape[1]
    weight_BR = rng.multinomial(runs, np.full(runs, 1 / runs), size=RESAMPLES) / runs
    return arm_SR @ weight_BR.T


def _excludes_zero(mean_SB: Floats) -> float:
    low, high = np.quantile(mean_SB, [ALPHA / 2, 1 - ALPHA / 2], axis=1)
    return float(((low > 0) | (high < 0)).mean())


def bootstrap_of_runs(rng: np.random.Generator, runs: int, within: float) -> float:
    """Percentile bootstrap of the difference, whole runs drawn."""
    arm_SAR = _arms(rng, 2, runs, within, False)
    return _excludes_zero(_drawn(rng, arm_SAR[:, 1]) - _drawn(rng, arm_SAR[:, 0]))


def bootstrap_of_tasks(rng: np.random.Generator, runs: int, within: float) -> float:
    """Percentile bootstrap of the difference, the runs of every task drawn on their own."""
    score_SART = draw_scores(rng, STUDIES, 2, runs, within, False)
    tasks = range(score_SART.shape[-1])
    drawn = [_drawn(rng, score_SART[:, 1, :, t]) - _drawn(rng, score_SART[:, 0, :, t]) for t in tasks]
    return _excludes_zero(np.mean(drawn, axis=0))


def t_interval_misses(rng: np.random.Generator, runs: int, within: float) -> float:
    """95 % t intervals of one arm that miss the truth."""
    found = [ours.t_interval(values) for values in _arms(rng, 1, runs, within, False)[:, 0].tolist()]
    return float(np.mean([not i.low <= 0 <= i.high for i in found]))


def bootstrap_interval_misses(rng: np.random.Generator, runs: int, within: float) -> float:
    """95 % percentile intervals of one arm that miss the truth."""
    return _excludes_zero(_drawn(rng, _arms(rng, 1, runs, within, False)[:, 0]))


def bold(rng: np.random.Generator, runs: int, within: float) -> float:
    """Tables of six equal arms in which some arm is told apart as the house does it."""
    arm_SAR = _arms(rng, ARMS, runs, within, False)
    p_SP = replica.p_of(replica.welch_pairs(arm_SAR, *replica.pairs(ARMS)))
    below_SA = replica.below(replica.against_baseline(arm_SAR), ALPHA)
    return float((~replica.could_be_best(arm_SAR, p_SP, below_SA, ALPHA)).any(axis=1).mean())


def games_howell_bold(rng: np.random.Generator, runs: int, within: float) -> float:
    """The same by Games and Howell's test against the best."""
    difference, error, df = _against_best(_arms(rng, ARMS, runs, within, False))
    return float((np.abs(difference) / error * np.sqrt(2) > critical_range(df)).any(axis=1).mean())


def unadjusted_bold(rng: np.random.Generator, runs: int, within: float) -> float:
    """The same with Welch's p as it comes."""
    return float(
        (replica.p_of(_against_best(_arms(rng, ARMS, runs, within, False))) < ALPHA).any(axis=1).mean()
    )


def _against_best(arm_SAR: Floats) -> replica.Found:
    """Welch's of every arm against the one of highest mean; nothing of that one against itself."""
    best = arm_SAR.mean(axis=-1).argmax(axis=1)
    best_SR = np.take_along_axis(arm_SAR, best[:, None, None], axis=1)
    others = np.delete(
        np.arange(ARMS)[None].repeat(len(arm_SAR), 0).ravel(), np.arange(len(best)) * ARMS + best
    )
    other_SAR = np.take_along_axis(arm_SAR, others.reshape(-1, ARMS - 1, 1), axis=1)
    return replica.against_baseline(np.concatenate([best_SR, other_SAR], axis=1))


def critical_range(df: Floats) -> Floats:
    """The studentized range of six means that is exceeded in five percent, between values at some degrees of freedom."""
    return np.asarray(_critical_spline()(1 / df))


@functools.cache
def _critical_spline() -> Callable[[Floats], Floats]:
    inverse = np.linspace(1 / 60, 1, 16)
    log_critical = np.log([stats.studentized_range.ppf(1 - ALPHA, ARMS, 1 / x) for x in inverse])
    spline = interpolate.CubicSpline(inverse, log_critical)
    return lambda x: np.exp(spline(x))


def best_step(rng: np.random.Generator, runs: int, within: float) -> float:
    """The arm at its best of ten evaluated steps, the baseline at its last."""
    arm_SAR = _arms(rng, 2, runs, within, True)
    sd = arm_SAR.std()
    steps = rng.normal(size=(*arm_SAR.shape, STEPS)) * STEP_SD * sd + arm_SAR[..., None]
    chosen = np.stack([steps[:, 0, :, -1], steps[:, 1].max(axis=-1)], axis=1)
    return float((_paired_p(chosen) < ALPHA).mean())


def survivors(rng: np.random.Generator, runs: int, within: float) -> float:
    """The arm's worst runs crash, a quarter of all, and are left out; the baseline's are kept. Two must survive."""
    arm_SAR = _arms(rng, 2, runs, within, False)
    crash = arm_SAR[:, 1] < np.quantile(arm_SAR[:, 1], CRASHES)
    found = [
        (ours.welch(arm[1][~gone].tolist(), arm[0].tolist()).p or 1.0) < ALPHA
        for arm, gone in zip(arm_SAR, crash, strict=True)
        if (~gone).sum() > 1
    ]
    return float(np.mean(found))


PRACTICES = (
    Practice("Welch's t, seeds of their own", "false difference", True, welch_test),
    Practice("Welch's t, shared seeds", "false difference", True, welch_on_pairs),
    Practice("paired t, registered, shared seeds", "false difference", True, paired_test),
    Practice("Holm over Welch's t, five arms and one baseline", "any false difference", True, holm_family),
    Practice("95 % t interval over runs", "truth missed", True, t_interval_misses),
    Practice("bold, six arms", "an equal arm un-bolded", True, bold),
    Practice(
        "bootstrap, each task's runs on their own (rliable's)", "false difference", False, bootstrap_of_tasks
    ),
    Practice("bootstrap of whole runs", "false difference", False, bootstrap_of_runs),
    Practice("95 % percentile bootstrap interval", "truth missed", False, bootstrap_interval_misses),
    Practice("t over all scores, a run's five tasks as five runs", "false difference", False, scores_as_runs),
    Practice("five arms, nothing adjusted", "any false difference", False, unadjusted_family),
    Practice("bold by Games-Howell, six arms", "an equal arm un-bolded", False, games_howell_bold),
    Practice("bold by unadjusted p, six arms", "an equal arm un-bolded", False, unadjusted_bold),
    Practice("best of ten steps against the last step", "false difference", False, best_step),
    Practice("crashed runs left out, the worst quarter", "false difference", False, survivors),
)


def table() -> str:
    """The Markdown table, in percent at 3 / 5 / 8 runs an arm."""
    head = [f"correlation {within:g}" for within in WITHIN]
    lines = [f"| what is done | error | {' | '.join(head)} |", "|:--|:--|--:|--:|--:|"]
    for practice in PRACTICES:
        name = f"**{practice.does}**" if practice.house else practice.does
        lines.append(f"| {name} | {practice.error} | {' | '.join(_cell(practice, w) for w in WITHIN)} |")
    return "\n".join(lines)


def _cell(practice: Practice, within: float) -> str:
    rates = (practice.rate(ours.named_rng(practice.does, runs, within), runs, within) for runs in RUNS)
    return " / ".join(f"{100 * rate:.1f}" for rate in rates)
