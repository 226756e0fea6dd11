"""The speed of learning: the area under held-out accuracy while training, and when it reached a score, by rollouts, tokens and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.evidence.curve_rows import rollout_level
from analysis.evidence.evidence import Evidence, trained_arms
from analysis.evidence.held_out import base_line, held_out
from analysis.logs.run_files import DIVERGED, DONE
from analysis.logs.timing import training_seconds
from analysis.statistics.standing import area_under

TOKENS = "rollout/response_tokens"
ROLLOUTS, BY_TOKENS, SECONDS = "rollouts", "tokens", "seconds"
"""Horizontal axes of a curve."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LearningCurve:
    """Held-out scores of one run and their cumulative cost, ascending."""

    rollouts: Floats
    """Rollouts trained on."""
    score: Floats
    tokens: Floats | None
    """Mean tokens of a response, summed over those rollouts; None if lengths were not logged."""
    seconds: Floats | None = None
    """Seconds of training, summed over those rollouts; None if they were not logged."""

    def over(self, what: str) -> Floats | None:
        """Return its places by rollouts, tokens or seconds."""
        return {ROLLOUTS: self.rollouts, BY_TOKENS: self.tokens, SECONDS: self.seconds}[what]


@dataclass(frozen=True)
class Target:
    """A score to reach: halfway from the untrained base to the highest final mean of a competing arm."""

    score: float
    base: float
    best: str
    """That arm's name."""


@dataclass(frozen=True)
class Learning:
    """Learning curves of every run whose curve is as long as the longest, or that diverged, after which its model stays the same."""

    curves: Mapping[int, LearningCurve]
    rollouts: float
    """Range of areas over rollouts."""
    tokens: float | None
    """Range of areas over tokens: the fewest that a finished run sampled."""
    target: Target | None
    """None without a base that answered these questions, or if no arm ends above it."""
    seconds: float | None = None
    """Range of areas over seconds: the fewest of a finished run that logged them. None if no run did."""

    def area(self, run: int) -> float:
        """Return the mean score over rollouts."""
        curve = self.curves[run]
        return area_under(curve.rollouts, curve.score, self.rollouts)

    def area_by(self, what: str, run: int) -> float | None:
        """Return the mean score over tokens or seconds."""
        curve, length = self.curves[run], {BY_TOKENS: self.tokens, SECONDS: self.seconds}[what]
        place = curve.over(what)
        return None if length is None or place is None else area_under(place, curve.score, length)

    def timed(self, run: int) -> bool:
        """Return whether the seconds of all its rollouts up to its last evaluation were logged."""
        return self.curves[run].seconds is not None

    def reached(self, run: int, what: str) -> float | None:
        """Return rollouts, tokens or seconds at the first evaluation with the target's score; None if there was none."""
        curve = self.curves[run]
        place = curve.over(what)
        if self.target is None or place is None:
            return None
        there = np.flatnonzero(curve.score >= self.target.score)
        return float(place[there[0]]) if there.size else None


def learning(evidence: Evidence) -> Learning | None:
    """Build the learning curves of a study. Return None unless two places of training have a score."""
    scores = held_out(evidence)
    if len(scores) < 2:
        return None
    last = float(scores.index[-1])
    status = evidence.runs["status"]
    whole = [int(r) for r in scores.columns if pd.notna(scores.at[last, r]) or status[r] == DIVERGED]
    whole = [run for run in whole if scores[run].notna().sum() > 1 or status[run] == DIVERGED]
    curves = _curves(scores, whole, rollout_level(evidence, TOKENS), training_seconds(evidence.logs.timing))
    if not curves:
        return None
    finished = [c.tokens for run, c in curves.items() if status[run] == DONE]
    tokens = None
    if finished and all(c.tokens is not None for c in curves.values()):
        tokens = min(float(t[-1]) for t in finished if t is not None)
    timed = [
        float(c.seconds[-1]) for run, c in curves.items() if status[run] == DONE and c.seconds is not None
    ]
    return Learning(curves, last + 1, tokens, _target(evidence, curves), min(timed, default=0.0) or None)


def _curves(
    scores: pd.DataFrame, runs: list[int], lengths: pd.DataFrame, seconds: Mapping[int, pd.Series]
) -> dict[int, LearningCurve]:
    curves = {}
    for run in runs:
        known = scores[run].dropna()
        rollouts = known.index.to_numpy(np.float64) + 1
        tokens = _summed(lengths[run] if run in lengths.columns else None, rollouts)
        curves[run] = LearningCurve(
            rollouts, known.to_numpy(np.float64), tokens, _summed(seconds.get(run), rollouts)
        )
    return curves


def _summed(mine: pd.Series | None, rollouts: Floats) -> Floats | None:
    """Return the cumulative cost of rollouts at each place; None if a rollout before the last place has no number."""
    if mine is None:
        return None
    before = [mine[mine.index < rollout] for rollout in rollouts]
    if len(before[-1]) < rollouts[-1] or before[-1].isna().any():
        return None
    return np.array([float(part.sum()) for part in before])


def _target(evidence: Evidence, curves: Mapping[int, LearningCurve]) -> Target | None:
    base = base_line(evidence)
    ends = {
        arm.name: float(np.mean([curves[r].score[-1] for r in runs]))
        for arm in trained_arms(evidence)
        if arm.competes and (runs := [r for r in evidence.counted(arm) if r in curves])
    }
    if base is None or not ends:
        return None
    best = max(ends, key=ends.__getitem__)
    return Target((base + ends[best]) / 2, base, best) if ends[best] > base else None
