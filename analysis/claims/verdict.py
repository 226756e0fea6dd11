"""Verdicts on claims: one word each, which holds whenever the interval behind it covers the truth.

A claim is tested on the mean of its comparisons, in the direction that it names, with a test of whether they differ from each
other. All claims of a report share one error rate: each has alpha over their number, so that with probability 1 - alpha no
word of the report is wrong. analysis.statistics.words defines the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.claims.arms import NotTestable, pairs
from analysis.claims.measures import COLLAPSED, MEASURES, SCORE
from analysis.claims.spec import Claim, Claims
from analysis.evidence.collapse import any_collapsed, base_level, collapsed_runs
from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.inference.rule import Rule, rule_of
from analysis.logs.manifest import Arm
from analysis.statistics import Comparison
from analysis.statistics.families import FEWEST_RUNS
from analysis.statistics.intervals import no_spread
from analysis.statistics.judgment import MIXED, Judgment, judge_means, judge_shares
from analysis.statistics.words import (
    DIRECTION,
    EQUIVALENT,
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    seeds_for,
)

UNTESTABLE = "not testable"
MANY = 1e6
"""Degrees of freedom of a share's spread, which follows from the share."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One comparison of a claim: an effect in the claim's direction, or the reason why there is none."""

    arm: Arm
    other: Arm | None
    """None for the claim's bound."""
    found: Comparison | None = None
    why: str = ""


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim; an untestable one has only the reason, and its comparisons if it found arms."""

    word: str
    why: str
    judgment: Judgment | None = None
    parts: tuple[Part, ...] = ()
    seeds: int | None = None
    """Runs per arm that would decide the claim; None if it is decided, or if more than 100,000 are needed."""


@dataclass(frozen=True)
class _Asked:
    """A claim with the values of the arms that it compares."""

    claim: Claim
    parts: tuple[Part, ...]
    arms: tuple[Arm, ...] = ()
    values: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    """Values by arm and seed."""
    others: Sequence[Sequence[float]] = ()
    """Scores of the study's other arms, if some run collapsed: their spread counts as well."""
    collapses: bool = False
    why: str = ""

    @property
    def tested(self) -> list[Part]:
        return [part for part in self.parts if not part.why]


def verdicts(evidence: Evidence, files: Sequence[Claims]) -> list[dict[str, Verdict]]:
    """Return verdicts by file and claim. Testable claims of all files share the error rate of the report."""
    rule = rule_of(evidence)
    asked = [{name: _ask(evidence, c, rule) for name, c in file.claims.items()} for file in files]
    tests = sum(bool(one.tested) for by_name in asked for one in by_name.values())
    return [{name: _judged(one, rule, tests) for name, one in by_name.items()} for by_name in asked]


def _ask(evidence: Evidence, claim: Claim, rule: Rule) -> _Asked:
    """Collect what the claim compares, with a reason for each comparison that cannot be made."""
    try:
        found = pairs(evidence, claim)
    except NotTestable as reason:
        return _Asked(claim, (), why=str(reason))
    whole = _unmeasured(evidence, claim, rule)
    if whole:
        return _Asked(claim, tuple(Part(a, b, why=whole) for a, b in found))
    arms = tuple({a.name: a for pair in found for a in pair if a is not None}.values())
    values = {arm.name: _values(evidence, claim, arm) for arm in arms}
    parts = tuple(Part(a, b, why=_obstacle(evidence, claim, values, a, b)) for a, b in found)
    others: list[list[float]] = []
    collapses = claim.measure == SCORE and not rule.paired and any_collapsed(evidence)
    if collapses:
        rest = [a for a in evidence.study.arms if a.competes and a not in arms]
        others = [list(of.values()) for a in rest if len(of := _values(evidence, claim, a)) > 1]
    return _Asked(claim, parts, arms, values, others, collapses)


def _unmeasured(evidence: Evidence, claim: Claim, rule: Rule) -> str:
    """Return why no comparison can be made; empty if one may be possible."""
    if rule.alpha is None:
        return "nothing is tested before the registered study has finished"
    if claim.measure == SCORE and not evidence.unit.percent:
        return "the smallest effect is in points, but the primary metric is in its own unit"
    if claim.measure != COLLAPSED and not MEASURES[claim.measure].values(evidence):
        return f"no run has this value: {MEASURES[claim.measure].absent}"
    return ""


def _values(evidence: Evidence, claim: Claim, arm: Arm) -> Mapping[int, float]:
    if claim.measure == COLLAPSED:
        flags = collapsed_runs(evidence, arm, base_level(evidence))
        return {seed: float(flag) for seed, flag in flags.items()}
    frame = pd.DataFrame({AVERAGE: pd.Series(MEASURES[claim.measure].values(evidence), dtype="float64")})
    return evidence.of_cell(frame, arm)


def _obstacle(
    evidence: Evidence, claim: Claim, values: Mapping[str, Mapping[int, float]], arm: Arm, other: Arm | None
) -> str:
    """Return why a comparison cannot be made; empty if it can."""
    sides = [(side, values[side.name]) for side in (arm, other) if side is not None]
    for side, of_seed in sides:
        if not of_seed:
            return f"no run of {side.label} has a value: {MEASURES[claim.measure].absent}"
        if len(of_seed) < FEWEST_RUNS:
            return f"a test needs {FEWEST_RUNS} runs of each arm, and {side.label} has {len(of_seed)}"
    if claim.measure == COLLAPSED:
        if any(flag for _, of_seed in sides for flag in of_seed.values()):
            return ""
        floor = base_level(evidence)
        return "no run of these arms collapsed" + (
            " (no base is scored, so only divergence counts)" if floor is None else ""
        )
    groups = [np.array(list(of_seed.values())) for _, of_seed in sides]
    if all(no_spread(float(g.std()), g) for g in groups):
        names = " and ".join(side.label for side, _ in sides)
        return f"{names}: runs are all equal, so the spread over seeds cannot be estimated"
    return ""


def _judged(asked: _Asked, rule: Rule, tests: int) -> Verdict:
    tested = asked.tested
    if not tested or rule.alpha is None:
        return Verdict(UNTESTABLE, asked.why or _reasons(asked.parts), parts=asked.parts)
    alpha, claim = rule.alpha / tests, asked.claim
    weight_CA = _weights(asked)
    if claim.measure == COLLAPSED:
        flags = [list(asked.values[arm.name].values()) for arm in asked.arms]
        found = judge_shares(
            [int(sum(f)) for f in flags],
            [max(1, len(f)) for f in flags],
            weight_CA,
            claim.smallest_effect,
            alpha,
        )
    else:
        groups, paired = _groups(asked, rule)
        groups += [np.array(values) for values in asked.others]
        whole_CA = np.pad(weight_CA, ((0, 0), (0, len(asked.others))))
        found = judge_means(
            groups, whole_CA, claim.smallest_effect, alpha, paired=paired, collapses=asked.collapses
        )
    by_pair = dict(zip(((p.arm.name, p.other) for p in tested), found.parts, strict=True))
    parts = tuple(
        part if part.why else Part(part.arm, part.other, by_pair[part.arm.name, part.other])
        for part in asked.parts
    )
    return _verdict(asked, found, parts)


def _reasons(parts: Sequence[Part]) -> str:
    return "; ".join(dict.fromkeys(part.why for part in parts))


def _weights(asked: _Asked) -> Floats:
    """Return one row of weights per possible comparison, in the claim's direction, over the claim's arms."""
    place = {arm.name: i for i, arm in enumerate(asked.arms)}
    sign = 1.0 if asked.claim.direction == "higher" else -1.0
    weight_CA = np.zeros((len(asked.tested), len(asked.arms)))
    for row, part in zip(weight_CA, asked.tested, strict=True):
        row[place[part.arm.name]] += sign
        if part.other is not None:
            row[place[part.other.name]] -= sign
    return weight_CA


def _groups(asked: _Asked, rule: Rule) -> tuple[list[Floats], bool]:
    """Return the values of every arm minus the claim's bound; by seed if the rule pairs and all arms have the same seeds."""
    bound = asked.claim.bound or 0.0
    compared = {side.name for p in asked.tested for side in (p.arm, p.other) if side is not None}
    # an arm of comparisons that cannot be made has no weight, and may have no runs
    of_seed = [asked.values[arm.name] if arm.name in compared else {0: 0.0, 1: 0.0} for arm in asked.arms]
    seeds = {frozenset(asked.values[name]) for name in compared}
    paired = rule.paired and len(seeds) == 1 and len(compared) == len(asked.arms)
    ordered = [[values[s] for s in sorted(values)] for values in of_seed]
    return [np.array(values) - bound for values in ordered], paired


def _verdict(asked: _Asked, found: Judgment, parts: tuple[Part, ...]) -> Verdict:
    word, claim = found.word, asked.claim
    if word is None:
        return Verdict(UNTESTABLE, "the spread over seeds cannot be estimated", parts=parts)
    size = _size(claim, claim.smallest_effect)
    because = {
        SUPPORTED: f"the effect is larger than {size}",
        DIRECTION: f"there is an effect; whether it reaches {size} is open",
        EQUIVALENT: f"no difference that matters: the effect lies within {size}",
        REFUTED: f"the effect is below {size}",
        MIXED: f"its comparisons differ: some reach {size} and others do not, or no one word holds for all of them",
    }
    if word != INCONCLUSIVE:
        return Verdict(word, because[word], found, parts)
    seeds = _seeds(claim, asked, found)
    if seeds is not None and seeds <= found.pooled.n:
        why = f"this many runs would show an effect of {size} in 80 % of studies"
        return Verdict(word, why, found, parts)
    needed = "more than 100,000" if seeds is None else f"about {seeds}"
    return Verdict(
        word, f"{needed} runs per arm would show an effect of {size} in 80 % of studies", found, parts, seeds
    )


def _seeds(claim: Claim, asked: _Asked, found: Judgment) -> int | None:
    """Return the runs per arm at which the smallest effect of interest is shown with 80 % power, given the observed spread."""
    c = found.pooled
    if c.error is not None and c.df is not None:
        return seeds_for(claim.smallest_effect, c.error * c.n**0.5, c.df / (c.n - 1), found.alpha)
    weight_A = _weights(asked).mean(axis=0)
    flags = [list(asked.values[arm.name].values()) for arm in asked.arms]
    # add half an event of either kind: rates of 0 and 1 would have no spread
    share_A = np.array([(sum(f) + 0.5) / (len(f) + 1) for f in flags])
    spread = float(np.sqrt((weight_A**2 * share_A * (1 - share_A)).sum()))
    return seeds_for(claim.smallest_effect, spread, MANY, found.alpha)


def _size(claim: Claim, value: float) -> str:
    return f"{100 * value:g} points" if MEASURES[claim.measure].percent else f"{value:g}"
