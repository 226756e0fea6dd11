"""Collapse as a predefined yes or no per run: diverged, or below the untrained base on the primary metric."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from analysis.logs.run_files import DIVERGED


def base_level(evidence: Evidence) -> float | None:
    """Return the untrained base's average on the primary metric. None without a base, and for an imported metric in its own
    unit, which may be better when lower."""
    if not evidence.unit.percent:
        return None
    for arm in evidence.study.with_role("base"):
        scores = evidence.of_arm(evidence.primary, arm)
        if scores:
            return sum(scores.values()) / len(scores)
    return None


def any_collapsed(evidence: Evidence) -> bool:
    """Return whether a run of an arm collapsed, apart from the arm without a clip, which is expected to collapse."""
    floor = base_level(evidence)
    return any(collapsed(evidence, arm, floor)[0] for arm in evidence.study.with_role("arm", "aa"))


def collapsed(evidence: Evidence, arm: Arm, floor: float | None) -> tuple[int, int]:
    """Return the numbers of collapsed and of counted runs."""
    flags = collapsed_runs(evidence, arm, floor).values()
    return sum(flags), len(flags)


def collapsed_runs(evidence: Evidence, arm: Arm, floor: float | None) -> dict[int, bool]:
    """Return, by seed, whether the run of the arm's cell collapsed, for runs that finished or diverged."""
    scores = evidence.of_cell(evidence.primary, arm)
    records = evidence.runs.loc[evidence.counted_of_cell(arm), ["seed", "status"]]
    return {
        int(seed): status == DIVERGED or (floor is not None and seed in scores and scores[seed] < floor)
        for seed, status in zip(records["seed"], records["status"], strict=True)
    }
