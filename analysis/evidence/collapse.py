"""Collapse as a pre-defined yes or no of a run: diverged, or below the untrained base on the primary metric."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from analysis.logs.run_files import DIVERGED


def base_level(evidence: Evidence) -> float | None:
    """Average of the untrained base on the primary metric, or None without one, and of an imported metric in its own unit: nobody
    said whether more of it is better."""
    if not evidence.unit.percent:
        return None
    for arm in evidence.study.with_role("base"):
        scores = evidence.of_arm(evidence.primary, arm)
        if scores:
            return sum(scores.values()) / len(scores)
    return None


def any_collapsed(evidence: Evidence) -> bool:
    """Whether a run of an arm collapsed; of the one without a clip it is what it is there for."""
    floor = base_level(evidence)
    return any(collapsed(evidence, arm, floor)[0] for arm in evidence.study.with_role("arm", "aa"))


def collapsed(evidence: Evidence, arm: Arm, floor: float | None) -> tuple[int, int]:
    """Collapsed runs and runs counted."""
    flags = collapsed_runs(evidence, arm, floor).values()
    return sum(flags), len(flags)


def collapsed_runs(evidence: Evidence, arm: Arm, floor: float | None) -> dict[int, bool]:
    """Whether the run of each seed of the arm's cell collapsed, of those that finished or diverged."""
    scores = evidence.of_cell(evidence.primary, arm)
    records = evidence.runs.loc[evidence.counted_of_cell(arm), ["seed", "status"]]
    return {
        int(seed): status == DIVERGED or (floor is not None and seed in scores and scores[seed] < floor)
        for seed, status in zip(records["seed"], records["status"], strict=True)
    }
