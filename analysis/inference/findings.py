"""Every arm of a study under its rule: the difference from its reference, its adjustment within the family, and the arms that could be best."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.evidence.collapse import any_collapsed
from analysis.evidence.evidence import AVERAGE, Evidence, values
from analysis.inference.compare import Compared, compare, enough
from analysis.inference.rule import Rule, rule_of
from analysis.logs.manifest import Arm
from analysis.statistics import Comparison, Interval, named_rng, t_interval
from analysis.statistics.families import FEWEST_RUNS, Adjusted, could_be_best, holm_family
from analysis.statistics.sign_flips import FEWEST_PAIRS, sign_flip_p

NORMALITY, SIGNS = "rests on normality", "shown by sign flips alone"
WELCH_ALONE, PAIRED_ALONE = "Welch's t, not within seeds,", "a paired t, within seeds,"


@dataclass(frozen=True)
class Summary:
    """One arm in a results table."""

    arm: Arm
    columns: Mapping[str, Interval]
    """Per set, and the average over sets, over the runs of its cell; empty if none is scored."""
    values: Mapping[str, Sequence[float]]
    """The scores of the runs behind each."""
    compared: Compared | None
    """The average against that of the arm's reference, by both tests; None for the baseline and the untrained base."""
    comparison: Comparison | None
    """By the study's rule, unadjusted."""
    adjusted: Adjusted | None = None
    """Holm's p with the interval that agrees with it; None if nothing may be tested: a secondary metric, the A/A arm, too few
    runs, a registered study that has not finished."""
    flips_p: float | None = None
    """p of joint sign flips over the seeds that all tested arms share; None below eight seeds."""
    other_p: float | None = None
    """Holm's p by the test that is not the rule's: the paired t beside Welch's, Welch's t beside the paired."""
    best: bool = False
    """Whether the arm could be the best on the primary metric."""
    may_test: bool = True
    """Whether the report may show intervals of differences, which are tests: False for a registered study that has not finished."""

    @property
    def shown_interval(self) -> tuple[float | None, float | None]:
        """Return the interval of the difference that agrees with p, else an unadjusted one; (None, None) with fewer runs than a p needs."""
        if self.adjusted is not None:
            return self.adjusted.low, self.adjusted.high
        if (
            self.comparison is None
            or not self.may_test
            or min(self.columns[AVERAGE].n, self.comparison.n) < FEWEST_RUNS
        ):
            return None, None
        return self.comparison.low, self.comparison.high

    def found(self, alpha: float) -> bool:
        """Return whether the arm differs from its reference by the rule."""
        return self.adjusted is not None and self.adjusted.p < alpha

    def rests_on(self, alpha: float) -> str:
        """Return the assumption behind a finding of only one of two methods; empty if they agree, or if there is only one."""
        if self.adjusted is None or self.flips_p is None or self.found(alpha) == (self.flips_p < alpha):
            return ""
        return NORMALITY if self.found(alpha) else SIGNS


@functools.lru_cache(maxsize=8)
def summarise(evidence: Evidence, mode: str, temperature: float) -> list[Summary]:
    """Return one Summary per arm in the manifest's order. Only the primary metric is tested."""
    scores, rule = evidence.scores(mode, temperature), rule_of(evidence)
    plain = [_summary(evidence, scores, arm, rule) for arm in evidence.study.arms]
    if (mode, temperature) != (evidence.study.mode, evidence.study.temperature) or rule.alpha is None:
        return plain
    return _tested(evidence, scores, plain, rule.alpha, paired=rule.paired)


def primary_summaries(evidence: Evidence) -> list[Summary]:
    """Return the summaries of the primary metric."""
    return summarise(evidence, evidence.study.mode, evidence.study.temperature)


def _summary(evidence: Evidence, scores: pd.DataFrame, arm: Arm, rule: Rule) -> Summary:
    found = compare(evidence, scores, arm)
    known = {c: v for c in scores.columns if (v := values(evidence, scores, arm, c))}
    return Summary(
        arm=arm,
        columns={c: t_interval(v) for c, v in known.items()},
        values=known,
        compared=found,
        comparison=None if found is None else found.by(paired=rule.paired and _planned_alike(evidence, arm)),
        may_test=rule.alpha is not None,
    )


def _planned_alike(evidence: Evidence, arm: Arm) -> bool:
    """Return whether an arm and its reference were planned on the same seeds: others cannot be paired."""
    reference = evidence.study.reference_of(arm)
    return reference is not None and set(arm.seeds) == set(reference.seeds)


def _tested(
    evidence: Evidence, scores: pd.DataFrame, plain: list[Summary], alpha: float, *, paired: bool
) -> list[Summary]:
    family = [s for s in plain if _testable(evidence, scores, s, s.comparison)]
    adjusted = _by_arm(family, holm_family([s.comparison for s in family], alpha))
    # the other test needs its own pairs, and otherwise the same arms
    others = {s.arm.name: c for s in family if s.compared and (c := s.compared.by(paired=not paired))}
    kept = [s for s in family if s.arm.name in others and _testable(evidence, scores, s, others[s.arm.name])]
    other = _by_arm(kept, holm_family([others[s.arm.name] for s in kept], alpha))
    flips = _sign_flips(evidence, scores, [s.arm for s in family])
    best = best_arms(evidence, scores, _below(evidence, family, adjusted, alpha), alpha)
    return [
        replace(
            s,
            adjusted=adjusted.get(s.arm.name),
            flips_p=flips.get(s.arm.name),
            other_p=None if (o := other.get(s.arm.name)) is None else o.p,
            best=s.arm.name in best,
        )
        for s in plain
    ]


def _testable(evidence: Evidence, scores: pd.DataFrame, s: Summary, found: Comparison | None) -> bool:
    reference = evidence.study.reference_of(s.arm)
    return (
        s.arm.competes and reference is not None and found is not None
        and enough(evidence, scores, s.arm, reference, found)
    )  # fmt: skip


def _by_arm(family: Sequence[Summary], found: Sequence[Adjusted | None]) -> dict[str, Adjusted]:
    return {s.arm.name: a for s, a in zip(family, found, strict=True) if a is not None}


def _sign_flips(evidence: Evidence, scores: pd.DataFrame, arms: Sequence[Arm]) -> dict[str, float]:
    """Return the step-down p by arm over the seeds that all tested arms and their references have; empty below eight seeds."""
    pairs = [(arm, ref) for arm in arms if (ref := evidence.study.reference_of(arm)) is not None]
    of_seed = {a.name: evidence.of_arm(scores, a) for pair in pairs for a in pair}
    seeds = sorted(set.intersection(*(set(found) for found in of_seed.values()))) if pairs else []
    if len(seeds) < FEWEST_PAIRS:
        return {}
    difference_AS = np.array([[of_seed[a.name][s] - of_seed[r.name][s] for s in seeds] for a, r in pairs])
    p_A = sign_flip_p(difference_AS, named_rng("sign flips", evidence.study.name, evidence.study.preset))
    return {arm.name: float(p) for (arm, _), p in zip(pairs, p_A, strict=True)}


def _below(
    evidence: Evidence, family: Sequence[Summary], adjusted: Mapping[str, Adjusted], alpha: float
) -> set[str]:
    """Return the arms that a comparison of the family shows to lie below another one."""
    found = set()
    for s in family:
        reference = evidence.study.reference_of(s.arm)
        one = adjusted.get(s.arm.name)  # None for arms that do not vary
        if s.comparison is not None and reference is not None and one is not None and one.p < alpha:
            found.add(s.arm.name if s.comparison.difference < 0 else reference.name)
    return found


def best_arms(evidence: Evidence, scores: pd.DataFrame, below: set[str], alpha: float) -> set[str]:
    """Return the arms that could be the best on the average; empty if a competing arm has too few runs, or if there are not two."""
    arms = [arm for arm in evidence.study.arms if arm.competes]
    groups = [values(evidence, scores, arm) for arm in arms]
    if len(arms) < 2 or min(map(len, groups)) < FEWEST_RUNS:
        return set()
    in_doubt = could_be_best(
        groups, [arm.name in below for arm in arms], alpha, collapses=any_collapsed(evidence)
    )
    return {arm.name for arm, best in zip(arms, in_doubt, strict=True) if best}


def alone(evidence: Evidence, summaries: Sequence[Summary], alpha: float) -> dict[str, list[Summary]]:
    """Return the findings that only one of the two tests supports, by the test that does."""
    mine, theirs = (PAIRED_ALONE, WELCH_ALONE) if rule_of(evidence).paired else (WELCH_ALONE, PAIRED_ALONE)
    both = [s for s in summaries if s.adjusted is not None and s.other_p is not None]
    found = {
        mine: [s for s in both if s.found(alpha) and (s.other_p or 0.0) >= alpha],
        theirs: [s for s in both if not s.found(alpha) and (s.other_p or 0.0) < alpha],
    }
    return {test: arms for test, arms in found.items() if arms}
