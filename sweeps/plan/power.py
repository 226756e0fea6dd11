"""What a study will be able to tell, said before any run: the price of many comparisons and of few seeds."""

from __future__ import annotations

from analysis.statistics import detectable_effect, seeds_needed, smallest_permutation_p
from sweeps.plan.plan import Plan

ALPHA = 0.05
COMPARED = ("arm", "no_clip")
"""Roles that are tested against the baseline; Holm's correction counts these."""

NAMED = 4
"""References besides the baseline that a line names before it only counts."""


def preview(plan: Plan) -> list[str]:
    """Lines on comparisons, needed and planned seeds, in sd of run-level scores (of differences where paired)."""
    baseline = plan.study.head.baseline
    seeds = {arm.name: len(arm.seeds) for arm in plan.arms if arm.role in COMPARED or arm.name == baseline}
    comparisons = len(seeds.keys() - {baseline})
    if baseline not in seeds or comparisons == 0:
        return [
            f"statistics: nothing is compared, for this preset holds no arm besides its baseline {baseline}"
        ]
    paired, n = plan.study.head.test == "paired", min(seeds.values())
    level = ALPHA / comparisons
    others = sorted({arm.against for arm in plan.arms if arm.against is not None})
    more = [f"{len(others) - NAMED} other references"] if len(others) > NAMED else []
    references = " or ".join([baseline, *others[:NAMED], *more])
    return [
        f"statistics: arms compared with {references} ({plan.study.head.test} t, Holm): {comparisons}, seeds an arm: {n}",
        _needed(level, comparisons, paired),
        *_reachable(n, level, paired),
    ]


def _needed(level: float, comparisons: int, paired: bool) -> str:
    one, two = (seeds_needed(effect, level, paired=paired) for effect in (1.0, 2.0))
    return (
        f"  for 80 % power at Holm's first level ({ALPHA}/{comparisons} = {level:.2g}): "
        f"{one} seeds for an effect of 1 sd, {two} for 2 sd{_of_what(paired)}"
    )


def _reachable(n: int, level: float, paired: bool) -> list[str]:
    if n < 2:
        return ["  one seed an arm gives no interval and no test"]
    p = smallest_permutation_p(n, paired)
    verdict = "cannot" if p > ALPHA else "can"
    at_first = f"{'nor' if p > ALPHA else 'but not' if p > level else 'and'} {level:.2g}, Holm's first level"
    return [
        f"  with {n} seeds the detectable effect is {detectable_effect(n, level, paired=paired):.1f} sd{_of_what(paired)}",
        f"  the smallest p that a permutation of {n} seeds can give is {p:.3g}: it {verdict} reach {ALPHA} uncorrected, "
        f"{at_first}",
    ]


def _of_what(paired: bool) -> str:
    return " of the paired differences" if paired else ""
