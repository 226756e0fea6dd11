"""Right answers per run and question: the only input of the hierarchical model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from analysis.statistics.families import FEWEST_RUNS
from sspo.errors import UserError

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Counts under the primary decoding. A is arms, R runs, Q questions, S sets."""

    right_RQ: Integers
    asked_RQ: Integers
    """Samples; 0 if a run was not asked."""
    arm_R: Integers
    set_Q: Integers
    """Ascending: questions of a set are adjacent."""
    arms: tuple[str, ...]
    sets: int


def answers_of(evidence: Evidence) -> tuple[Answers, list[Arm]]:
    """Return the counts of every trained arm with four scored runs, and the trained arms that are left out because they have fewer.

    Raises UserError for scores that are not counts, and for fewer than two arms.
    """
    study, scored = evidence.study, evidence.primary.index
    q = evidence.questions
    q = q[(q["mode"] == study.mode) & (q["temperature"] == study.temperature) & q["run"].isin(scored)]
    trained = study.with_role("arm", "no_clip", "aa")
    runs = {arm.name: [r for r in evidence.counted(arm) if r in scored] for arm in trained}
    kept = [arm for arm in trained if len(runs[arm.name]) >= FEWEST_RUNS]
    if len(kept) < 2:
        raise UserError(
            f"study '{study.name}' has {len(kept)} arms with {FEWEST_RUNS} scored runs: a hierarchical model of runs needs two"
        )
    order = [run for arm in kept for run in runs[arm.name]]
    q = q[q["run"].isin(order)]
    wide = q.assign(set=q["set"].astype(str)).pivot(
        index="run", columns=["set", "question"], values=["count", "mean"]
    )
    asked, mean = (wide[kind].loc[order].sort_index(axis="columns") for kind in ("count", "mean"))
    asked_RQ = asked.fillna(0).to_numpy(np.float64)
    right_RQ = asked_RQ * mean.fillna(0).to_numpy(np.float64)
    if not np.allclose(right_RQ, right_RQ.round(), atol=1e-3):
        raise UserError(
            f"scores of study '{study.name}' are not all right or wrong: the hierarchical model counts right answers"
        )
    sets = asked.columns.get_level_values("set")
    names = sorted(set(sets))
    return Answers(
        right_RQ=right_RQ.round().astype(np.int64),
        asked_RQ=asked_RQ.astype(np.int64),
        arm_R=np.repeat(np.arange(len(kept)), [len(runs[arm.name]) for arm in kept]),
        set_Q=np.array([names.index(name) for name in sets]),
        arms=tuple(arm.name for arm in kept),
        sets=len(names),
    ), [arm for arm in trained if arm not in kept]
