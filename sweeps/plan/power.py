"""The statistical power of a study, shown before any run: its comparisons, its likely verdicts, and what it cannot test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from analysis.statistics import detectable_effect, seeds_needed
from analysis.statistics.families import ALPHA, FEWEST_RUNS
from analysis.statistics.known_failures import warnings
from analysis.statistics.sign_flips import FEWEST_PAIRS, smallest_sign_flip_p
from analysis.statistics.words import DIRECTION, EQUIVALENT, REFUTED, SUPPORTED, word_power
from sspo.runs.identity import cell_folder
from sweeps.ledger.score import primary_score
from sweeps.ledger.state import seen
from sweeps.plan.arms import PlannedArm
from sweeps.plan.plan import Plan
from sweeps.plan.registered import registration_of

COMPARED = ("arm", "no_clip")
"""Roles that are tested against the baseline; Holm's correction counts these."""
NAMED = 4
"""Number of references besides the baseline that a line names; the rest are counted."""
ASSUMED = (1.0, 2.0, 3.0)
"""Standard deviations over seeds, in smallest effects of interest, assumed if no runs have measured it."""
TIMES = (0, 1, 2)
"""True effects, in smallest effects of interest, at which the probability of each verdict is computed."""
SHOWN = (SUPPORTED, DIRECTION, EQUIVALENT, REFUTED)
WITHOUT = {
    "base": "an untrained base: whether arms beat it, and collapse, are not testable",
    "no_clip": "an arm without a clip: whether clipping matters is not testable",
    "aa": "an A/A arm: whether the same cell agrees with itself is not testable",
}


def preview(plan: Plan) -> list[str]:
    """Return lines on comparisons, needed and planned seeds, verdicts and gates; effects are in sd of run-level scores, or of paired
    differences."""
    baseline = plan.study.head.baseline
    seeds = {arm.name: len(arm.seeds) for arm in plan.arms if arm.role in COMPARED or arm.name == baseline}
    comparisons = len(seeds.keys() - {baseline})
    if baseline not in seeds or comparisons == 0:
        return [
            f"statistics: nothing is compared, because this preset holds no arm besides its baseline {baseline}"
        ]
    paired, n = _pairs(plan), min(seeds.values())
    level = ALPHA / comparisons
    others = sorted({arm.against for arm in plan.arms if arm.against is not None})
    more = [f"{len(others) - NAMED} other references"] if len(others) > NAMED else []
    references = " or ".join([baseline, *others[:NAMED], *more])
    test = "paired t, as registered" if paired else "Welch's t"
    return [
        f"statistics: arms compared with {references} ({test}, Holm): {comparisons}, seeds per arm: {n}",
        _needed(level, comparisons, paired),
        *_reachable(plan, n, level, paired),
        *_words(plan, n, paired),
        *(f"  without {sentence}" for role, sentence in WITHOUT.items() if not _has(plan, role)),
    ]


def _pairs(plan: Plan) -> bool:
    """Return whether the report will pair by seed, which requires a registration of that test."""
    registration = registration_of(plan)
    return (
        plan.study.head.test == "paired" and registration is not None and registration.preset == plan.preset
    )


def _has(plan: Plan, role: str) -> bool:
    return any(arm.role == role for arm in plan.arms)


def _needed(level: float, comparisons: int, paired: bool) -> str:
    one, two = (seeds_needed(effect, level, paired=paired) for effect in (1.0, 2.0))
    return (
        f"  for 80% power at Holm's first level ({ALPHA}/{comparisons} = {level:.2g}): "
        f"{one} seeds for an effect of 1 sd, {two} for 2 sd{_unit(paired)}"
    )


def _reachable(plan: Plan, n: int, level: float, paired: bool) -> Iterator[str]:
    if n < FEWEST_RUNS:
        yield f"  fewer than {FEWEST_RUNS} seeds per arm: the report will show the values of runs, without p-values or bold"
        return
    effect = detectable_effect(n, level, paired=paired)
    yield f"  with {n} seeds the detectable effect is {effect:.1f} sd{_unit(paired)}"
    shared = _shared_seeds(plan)
    if shared >= FEWEST_PAIRS:
        yield f"  joint sign flips of {shared} shared seeds complement it: their smallest p is {smallest_sign_flip_p(shared):.2g}"
    else:
        yield f"  no nonparametric test complements it: joint sign flips need {FEWEST_PAIRS} seeds shared by all arms, and there are {shared}"
    yield from (f"  {sentence}" for sentence in warnings(n, paired=paired))


def _shared_seeds(plan: Plan) -> int:
    """Return the number of seeds that all compared arms share."""
    sets = [set(arm.seeds) for arm in plan.arms if arm.role in COMPARED]
    return len(set.intersection(*sets)) if sets else 0


def _words(plan: Plan, n: int, paired: bool) -> Iterator[str]:
    """Yield the probability of each verdict on one claim, at no effect, at the smallest effect of interest and at twice that."""
    margin = plan.study.head.smallest_effect
    if n < FEWEST_RUNS:
        return
    spread, runs, what = spread_of(plan)
    spreads = [times * margin for times in ASSUMED] if spread is None else [spread]
    source = "an assumed spread" if spread is None else f"the spread of {runs} {what} here"
    yield f"  verdicts on one claim with a smallest effect of {_points(margin)}, at {source}:"
    for sd in spreads:
        error, df = (sd / math.sqrt(n), n - 1) if paired else (sd * math.sqrt(2 / n), 2 * n - 2)
        verdicts = [
            _verdicts(times * margin, word_power(times * margin, margin, error, df, ALPHA)) for times in TIMES
        ]
        yield f"    sd over seeds {_points(sd)}: {'; '.join(verdicts)}"


def _verdicts(effect: float, power: Mapping[str, float]) -> str:
    words = [f"{word} {100 * power[word]:.0f}%" for word in SHOWN if power[word] >= 0.005]
    return f"at {_points(effect)}, {', '.join(words) or 'inconclusive'}"


def _points(share: float) -> str:
    return f"{100 * share:.3g} points"


def spread_of(plan: Plan) -> tuple[float | None, int, str]:
    """Return the standard deviation over seeds within the first few compared arms, else within pilots, with the number and kind of runs that
    it is computed from; None if no arm and no pilot has two finished runs."""
    if plan.nameless:
        return None, 0, ""
    compared = [arm for arm in plan.arms if arm.role == "arm"][:NAMED]
    for arms, what in ((compared, "finished runs"), (plan.pilots, "pilot runs")):
        spread, runs = _pooled([_scores(plan, arm) for arm in arms])
        if spread is not None:
            return spread, runs, what
    return None, 0, ""


def _pooled(by_arm: Sequence[Sequence[float]]) -> tuple[float | None, int]:
    several = [scores for scores in by_arm if len(scores) > 1]
    if not several:
        return None, 0
    squares = sum((s - fmean(scores)) ** 2 for scores in several for s in scores)
    df, runs = sum(len(scores) - 1 for scores in several), sum(map(len, several))
    return (math.sqrt(squares / df), runs) if squares else (None, 0)


def _scores(plan: Plan, arm: PlannedArm) -> Sequence[float]:
    """Return the primary scores of an arm's finished runs."""
    folders = [cell_folder(plan.store, arm.cell, seed, plan.level(arm, seed)) for seed in arm.seeds]
    done = [folder for folder in folders if seen(folder).state == "done"]
    found = (primary_score(folder, plan.study.head.primary) for folder in done)
    return [score for score in found if score is not None]


def _unit(paired: bool) -> str:
    return " of the paired differences" if paired else ""
