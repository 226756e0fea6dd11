"""The runs of a report as its pages list them: one line per arm, and one line for every run that is not done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evidence.evidence import Evidence
from analysis.logs.run_files import DONE
from analysis.logs.trace import ranges

ARM_HEADS = ("arm", "seeds", "state", "cell")
NOTED_HEADS = ("run", "state", "reason", "cell")
Line = tuple[str, str, str, str]


def arm_lines(evidence: Evidence) -> list[Line]:
    """Return, per arm, its label, its seeds, its runs by state, and the cell that they share."""
    lines = []
    for arm in evidence.study.arms:
        runs = evidence.runs[evidence.runs["arm"] == arm.name]
        states = runs["status"].value_counts().sort_index()
        said = ", ".join(f"{number} {state}" for state, number in states.items())
        lines.append((arm.label, ranges([int(seed) for seed in runs["seed"]]), said, arm.cell))
    return lines


def noted_lines(evidence: Evidence) -> list[Line]:
    """Return, per run that is not done, its name, state, reason and cell."""
    return [_line(run) for run in evidence.runs.to_dict("records") if run["status"] != DONE]


def _line(run: Mapping[str, Any]) -> Line:
    why = str(run["reason"])
    if run["message"] and run["message"] != why:
        why += f": {run['message']}"
    return f"{run['arm']} seed {run['seed']}", str(run["status"]), why, str(run["cell"])


def summary(evidence: Evidence) -> str:
    """Return a summary such as `97 planned: 96 done, 1 failed`."""
    states: Sequence[tuple[Any, int]] = list(evidence.runs["status"].value_counts().sort_index().items())
    return f"{len(evidence.runs)} planned: " + ", ".join(f"{number} {state}" for state, number in states)
