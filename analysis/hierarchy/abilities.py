"""The ability of a run from its answers, given the difficulty of the questions: one number per run with its error, in log-odds.

    right_rq ~ Binomial(asked_rq, 1 / (1 + exp(-(ability_r + set_as + question_q))))

at its penalized maximum: question_q ~ Normal(0, difficulty), whose spread is estimated with it; set_as is the deviation of an arm's
level on a set from its mean. Questions and sets sum to zero, so that an ability represents a run's average question.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.hierarchy.answers import Answers

CYCLES, CLOSE = 500, 1e-8
WIDE_ABILITY, WIDE_SET = 3.0, 2.0
"""Standard deviations of the penalties: wide, so that they affect only a run without a right answer, or without a wrong one."""
LONGEST_STEP = 2.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Abilities:
    """Abilities of R runs; A is arms, Q questions."""

    ability_R: Floats
    error_R: Floats
    """Standard error over samples, given the questions."""
    offset_AQ: Floats
    """The offset of a question to an ability of the arm: its set and its difficulty."""


def abilities(answers: Answers) -> Abilities:
    """Return the maximum, by Newton steps for runs, sets and questions in turn."""
    right_RQ, asked_RQ = answers.right_RQ.astype(np.float64), answers.asked_RQ.astype(np.float64)
    arm_RA = (answers.arm_R[:, None] == np.arange(len(answers.arms))).astype(np.float64)
    in_set_QS = (answers.set_Q[:, None] == np.arange(answers.sets)).astype(np.float64)
    share_QS = in_set_QS / in_set_QS.sum(axis=0)
    run_R, set_AS, question_Q = (
        np.zeros(len(arm_RA)),
        np.zeros((len(answers.arms), answers.sets)),
        np.zeros(len(in_set_QS)),
    )
    difficulty = 1.0

    def slopes() -> tuple[Floats, Floats]:
        p_RQ = special.expit(run_R[:, None] + (arm_RA @ set_AS @ in_set_QS.T) + question_Q)
        return right_RQ - asked_RQ * p_RQ, asked_RQ * p_RQ * (1 - p_RQ)

    for _ in range(CYCLES):
        before = run_R.copy()
        slope, weight = slopes()
        run_R = run_R + _step(slope.sum(axis=1), weight.sum(axis=1), run_R, WIDE_ABILITY)
        slope, weight = slopes()
        set_AS = set_AS + _step(arm_RA.T @ slope @ in_set_QS, arm_RA.T @ weight @ in_set_QS, set_AS, WIDE_SET)
        slope, weight = slopes()
        question_Q = question_Q + _step(slope.sum(axis=0), weight.sum(axis=0), question_Q, difficulty)
        of_set_S = question_Q @ share_QS
        question_Q, set_AS = question_Q - in_set_QS @ of_set_S, set_AS + of_set_S
        of_arm_A = set_AS.mean(axis=1)
        set_AS, run_R = set_AS - of_arm_A[:, None], run_R + arm_RA @ of_arm_A
        known_Q = 1 / (weight.sum(axis=0) + difficulty**-2)
        difficulty = max(0.05, float(np.sqrt((question_Q**2 + known_Q).mean())))
        if np.abs(run_R - before).max() < CLOSE:
            break
    _, weight = slopes()
    error_R = 1 / np.sqrt(weight.sum(axis=1) + WIDE_ABILITY**-2)
    return Abilities(run_R, error_R, set_AS @ in_set_QS.T + question_Q)


def _step(slope: Floats, weight: Floats, at: Floats, spread: float) -> Floats:
    """Return a bounded Newton step."""
    step = (slope - at / spread**2) / (weight + spread**-2)
    return np.clip(step, -LONGEST_STEP, LONGEST_STEP)
