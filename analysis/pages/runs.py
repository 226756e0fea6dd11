"""The runs of a report as its pages list them: one line per arm, and one line for every run that is not done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import PRUNED, tuning_of, tuning_parts
from analysis.logs.run_files import DONE
from analysis.logs.run_folders import COUNTED
from analysis.logs.trace import ranges

ARM_HEADS = ("arm", "seeds", "state", "cell")
NOTED_HEADS = ("run", "state", "reason", "cell")
Line = tuple[str, str, str, str]


def arm_lines(evidence: Evidence) -> list[Line]:
    """Return, per arm and then per part of a tuning, its label, its seeds, its runs by state, and the cell that they share."""
    everything, lines = _runs(evidence), []
    for arm in (*evidence.study.arms, *(arm for part in tuning_parts(evidence) for arm in part.study.arms)):
        runs = everything[everything["arm"] == arm.name]
        label = arm.label if arm in evidence.study.arms else arm.name
        lines.append((label, ranges([int(seed) for seed in runs["seed"]]), _states(runs), arm.cell))
    return lines


def _runs(evidence: Evidence) -> pd.DataFrame:
    """Return the records of all runs; those that a pruner stopped say so."""
    runs, tuning = pd.DataFrame(list(evidence.whole.runs)), tuning_of(evidence)
    if tuning is None:
        return runs
    stopped = {trial.cell for one in tuning.arms for trial in one.trials if trial.state == PRUNED}
    pilots = {arm.name for arm in (tuning.pilots.study.arms if tuning.pilots else ())}
    mine = runs["arm"].isin(pilots) & runs["cell"].isin(stopped) & ~runs["status"].isin(COUNTED)
    return runs.assign(
        status=runs["status"].mask(mine, PRUNED), reason=runs["reason"].mask(mine, "its trial was stopped")
    )


def _states(runs: pd.DataFrame) -> str:
    states = runs["status"].value_counts().sort_index()
    return ", ".join(f"{number} {state}" for state, number in states.items())


def noted_lines(evidence: Evidence) -> list[Line]:
    """Return, per run that is not done, its name, state, reason and cell."""
    return [_line(run) for run in _runs(evidence).to_dict("records") if run["status"] != DONE]


def _line(run: Mapping[str, Any]) -> Line:
    why = str(run["reason"])
    if run["message"] and run["message"] != why:
        why += f": {run['message']}"
    return f"{run['arm']} seed {run['seed']}", str(run["status"]), why, str(run["cell"])


def summary(evidence: Evidence) -> str:
    """Return a summary such as `97 planned: 96 done, 1 failed`, followed by the parts of a tuning."""
    runs, tuning = _runs(evidence), tuning_of(evidence)
    parts = [f"{len(evidence.runs)} planned: {_states(evidence.runs)}"]
    for name, part in (("at defaults", tuning.defaults), ("pilots", tuning.pilots)) if tuning else ():
        if part is not None:
            mine = runs[runs["arm"].isin([arm.name for arm in part.study.arms])]
            parts.append(f"{len(mine)} {name}: {_states(mine)}")
    return "; ".join(parts)
