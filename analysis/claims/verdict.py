"""Verdicts on claims: supported, refuted, inconclusive with the seeds it would take, or not testable with the reason.

An effect is counted in the direction that the claim names, so that a positive one speaks for it.

- supported: p, Holm-adjusted over all tests of the file, is below .05, and the effect is at least the smallest one of
  interest. A difference that is real and too small to matter supports nothing.
- refuted: the whole 95 % interval lies below the smallest effect of interest. Absence of evidence is not enough.
- inconclusive: neither. Seeds are those at which a paired or two-sample t test at .05 / tests finds the smallest effect
  with 80 % power, given the spread that was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.claims.arms import NotTestable, pairs
from analysis.claims.measures import COLLAPSED, MEASURES, SCORE
from analysis.claims.spec import Claim, Claims
from analysis.evidence.collapse import base_level, collapsed
from analysis.evidence.evidence import AVERAGE, Evidence, compare
from analysis.logs.manifest import Arm
from analysis.statistics import (
    Comparison,
    fisher_p,
    holm,
    paired_t,
    seeds_needed,
    share_difference,
)

SUPPORTED, REFUTED, INCONCLUSIVE, UNTESTABLE = "supported", "refuted", "inconclusive", "not testable"
MIXED = "mixed"
ALPHA = 0.05


@dataclass(frozen=True)
class Finding:
    """One comparison that a claim asks for, in the claim's direction."""

    arm: Arm
    other: Arm | None
    effect: float
    low: float
    high: float
    p: float
    sd: float
    """Over seeds; of the paired differences where paired."""
    n: int
    test: str


@dataclass(frozen=True)
class Untested:
    """A comparison that can't be made, with the reason; without arms where the claim finds none to compare."""

    why: str
    arm: Arm | None = None
    other: Arm | None = None


@dataclass(frozen=True)
class Verdict:
    """What one comparison comes to; of an untestable one only its arms and the reason (`why`) are known."""

    word: str
    why: str
    test: Finding | None = None
    p_holm: float | None = None
    seeds: int | None = None
    """What it would take; None where it takes none, or where more than 100,000."""
    arm: Arm | None = None
    """Whose comparison it is, tested or not; None where the claim finds no arms to compare."""
    other: Arm | None = None
    """What the arm is compared with; None for a bound."""


def verdicts(evidence: Evidence, claims: Claims) -> dict[str, list[Verdict]]:
    """By claim, a verdict for each pair of arms that it speaks of, or one that says why there is none."""
    tests = {name: _tests(evidence, claim) for name, claim in claims.claims.items()}
    done = [test for found in tests.values() for test in found if isinstance(test, Finding)]
    adjusted = {id(t): p for t, p in zip(done, holm([t.p for t in done]), strict=True)}
    return {
        name: [
            replace(
                decide(claims.claims[name], t, adjusted[id(t)] or 0.0, len(done))
                if isinstance(t, Finding)
                else Verdict(UNTESTABLE, t.why),
                arm=t.arm,
                other=t.other,
            )
            for t in found
        ]
        for name, found in tests.items()
    }


def overall(given: Sequence[Verdict]) -> str:
    """One word for a claim: what its testable comparisons agree on, else `mixed`."""
    words = {verdict.word for verdict in given if verdict.test is not None}
    return words.pop() if len(words) == 1 else MIXED if words else UNTESTABLE


def _tests(evidence: Evidence, claim: Claim) -> list[Finding | Untested]:
    """One entry for each comparison that the claim asks for, whether or not the numbers let it be tested."""
    try:
        found = pairs(evidence, claim)
    except NotTestable as reason:
        return [Untested(str(reason))]
    made: list[Finding | Untested] = []
    for arm, other in found:
        try:
            made.append(_oriented(claim, _test(evidence, claim, arm, other)))
        except NotTestable as reason:
            made.append(Untested(str(reason), arm, other))
    return made


def _test(evidence: Evidence, claim: Claim, arm: Arm, other: Arm | None) -> Finding:
    if claim.measure == COLLAPSED:
        return _collapse(evidence, arm, other)
    if claim.measure == SCORE and not evidence.unit.percent:
        raise NotTestable("the smallest effect is in points, and the primary metric is in its own unit")
    if not MEASURES[claim.measure].values(evidence):
        raise NotTestable(f"no run has such a value: {MEASURES[claim.measure].absent}")
    return _means(evidence, claim, arm, other)


def _oriented(claim: Claim, test: Finding) -> Finding:
    if claim.direction == "higher":
        return test
    return replace(test, effect=-test.effect, low=-test.high, high=-test.low)


def _means(evidence: Evidence, claim: Claim, arm: Arm, other: Arm | None) -> Finding:
    measure = MEASURES[claim.measure]
    frame = pd.DataFrame({AVERAGE: pd.Series(measure.values(evidence), dtype="float64")})
    sides = [evidence.of_arm(frame, side) for side in (arm, other) if side is not None]
    for side, values in zip((arm, other), sides, strict=False):
        if not values and side is not None:
            raise NotTestable(f"no run of {side.label} has a value: {measure.absent}")
    if claim.bound is None:
        found, sizes = compare(evidence, frame, arm, other), [len(values) for values in sides]
    else:
        mine = list(sides[0].values())
        found, sizes = paired_t(mine, [claim.bound] * len(mine)), [len(mine)]
        found = replace(found, test="one-sample")
    names = " and ".join(side.label for side in (arm, other) if side is not None)
    if found is None or min(sizes) < 2:
        raise NotTestable(f"{names}: an interval needs two runs of each")
    if found.low is None or found.high is None or found.p is None:
        raise NotTestable(
            f"{names}: runs are all equal (difference {found.difference:g}), so nothing says how seeds vary"
        )
    return Finding(
        arm, other, found.difference, found.low, found.high, found.p, _sd(found, sizes), found.n, found.test
    )


def _sd(found: Comparison, sizes: Sequence[int]) -> float:
    """Behind the error of a comparison: of pairs (or one sample), or of runs of either arm."""
    runs = 1 / found.n if found.test != "welch" else sum(1 / n for n in sizes)
    return (found.error or 0.0) / float(np.sqrt(runs))


def _collapse(evidence: Evidence, arm: Arm, other: Arm | None) -> Finding:
    assert other is not None, "checked with the file"
    floor = base_level(evidence)
    mine, theirs = collapsed(evidence, arm, floor), collapsed(evidence, other, floor)
    if mine[0] + theirs[0] == 0:
        raise NotTestable(
            "no run of these arms collapsed"
            + (" (no base is scored, so only divergence counts)" if floor is None else "")
        )
    if min(mine[1], theirs[1]) < 2:
        raise NotTestable(f"{arm.label} and {other.label}: a rate needs two runs of each")
    share = share_difference(*mine, *theirs)
    # half an event more of either kind: rates of 0 and 1 would have no spread
    pooled = (mine[0] + theirs[0] + 0.5) / (mine[1] + theirs[1] + 1)
    sd = float(np.sqrt(pooled * (1 - pooled)))
    return Finding(
        arm,
        other,
        share.point,
        share.low or 0.0,
        share.high or 0.0,
        fisher_p(*mine, *theirs),
        sd,
        mine[1],
        "Fisher",
    )


def decide(claim: Claim, test: Finding, p_holm: float, tests: int) -> Verdict:
    """The verdict on one test of `tests` in all, by the rules at the top of this file."""
    smallest = claim.smallest_effect
    if p_holm < ALPHA and test.low > 0 and test.effect >= smallest:
        return Verdict(SUPPORTED, "beyond chance and large enough to matter", test, p_holm)
    if test.high < smallest:
        words = "the opposite holds" if test.high < 0 else "an effect that would matter is excluded"
        return Verdict(REFUTED, words, test, p_holm)
    level = ALPHA / tests
    try:
        seeds = seeds_needed(smallest / test.sd, level, paired=test.test in ("paired", "one-sample"))
    except ValueError:
        return Verdict(INCONCLUSIVE, "more than 100,000 seeds would be needed", test, p_holm)
    if seeds <= test.n:
        return Verdict(
            INCONCLUSIVE,
            f"the effect is too near {_size(claim, smallest)} to say on which side it lies",
            test,
            p_holm,
        )
    return Verdict(INCONCLUSIVE, f"about {seeds} seeds an arm would tell", test, p_holm, seeds)


def _size(claim: Claim, value: float) -> str:
    return f"{100 * value:g} points" if MEASURES[claim.measure].percent else f"{value:g}"
