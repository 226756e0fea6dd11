"""The gain from training: every trained arm's difference from the untrained base, with a test."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from analysis.evidence.evidence import Evidence, errors_by_run, trained_arms, values
from analysis.inference.rule import rule_of
from analysis.statistics.comparisons import Comparison
from analysis.statistics.families import ALPHA, FEWEST_RUNS, holm_family
from analysis.statistics.standing import above_level


@dataclass(frozen=True)
class Improvement:
    """An arm's mean on the primary metric minus the base's. Scores are shares, or in an imported metric's own unit."""

    name: str
    difference: float
    low: float | None
    """End of the interval at the level of Holm's step, which excludes zero if p_holm is below 0.05; at 95 % for the A/A arm."""
    high: float | None
    p: float | None
    p_holm: float | None
    """Holm's p over the competing arms; None below four runs, for the A/A arm, and if nothing estimates a spread."""
    shown: bool | None
    """Whether the arm is shown to be better than the base; None if that is not tested."""


@dataclass(frozen=True)
class Base:
    """The untrained base on the primary metric."""

    level: float
    error: float | None
    """Standard error of its evaluation; None if nothing estimates it."""
    given_questions: bool
    """Whether the error is that of its samples given the questions, which arms share; otherwise it includes drawing the questions."""


def base_score(evidence: Evidence) -> Base | None:
    """Return the mean over the base's runs; None if none is scored."""
    study, scores = evidence.study, evidence.primary
    runs = [r for arm in study.with_role("base") for r in evidence.counted(arm) if r in scores.index]
    if not runs:
        return None
    level = sum(float(score) for score in scores.loc[runs, "average"]) / len(runs)
    rows = evidence.final
    rows = rows[
        (rows["mode"] == study.mode) & (rows["temperature"] == study.temperature) & rows["run"].isin(runs)
    ]
    by_run = errors_by_run(rows)
    found = [by_run[run] for run in runs if run in by_run]
    sampling = [e.sampling for e in found if e.sampling is not None]
    clustered = [e.clustered for e in found if e.clustered is not None]
    for errors in (sampling, clustered):
        if len(errors) == len(runs):
            return Base(level, math.hypot(*errors) / len(runs), errors is sampling)
    return Base(level, None, given_questions=False)


@functools.lru_cache(maxsize=8)
def above_base(evidence: Evidence) -> dict[str, Improvement]:
    """Return the Improvement of every trained arm with a scored run, by name; empty if no base is scored."""
    base, alpha = base_score(evidence), rule_of(evidence).alpha
    if base is None:
        return {}
    arms = trained_arms(evidence)
    found = {arm.name: _compared(values(evidence, evidence.primary, arm), base) for arm in arms}
    family = [arm.name for arm in arms if arm.competes]
    adjusted = dict(zip(family, holm_family([found[name] for name in family], alpha or ALPHA), strict=True))
    improvements = {}
    for arm in arms:
        c, of_family = found[arm.name], adjusted.get(arm.name)
        low, high = (c.low, c.high) if of_family is None else (of_family.low, of_family.high)
        p_holm = None if of_family is None else of_family.p
        shown = None if p_holm is None or alpha is None else p_holm < (alpha or ALPHA) and c.difference > 0
        improvements[arm.name] = Improvement(arm.name, c.difference, low, high, c.p, p_holm, shown)
    return improvements


def _compared(scores: list[float], base: Base) -> Comparison:
    if len(scores) < FEWEST_RUNS or base.error is None:
        difference = sum(scores) / len(scores) - base.level
        return Comparison(difference, None, None, None, None, len(scores), "level")
    return above_level(scores, base.level, base.error)
