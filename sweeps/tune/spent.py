"""What the runs of a trial cost: of a finished run its seconds on its hardware, of a stopped one those of its logged rollouts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from sspo.runs.runlog import ENVIRONMENT, TIMING
from sweeps.ledger.state import read_json
from sweeps.plan.finished import Cost, Finished, read_finished
from sweeps.plan.plan import Trial

PHASE = "seconds/"
"""Beginning of the keys of phases in a line of timing.jsonl; phases do not overlap."""


def cost_of(runs: Iterable[Trial]) -> Cost:
    """Return the cost of runs, whether they ended or were stopped; runs that an earlier trial of the same cell had made count again, for
    all trials are to have an equal price."""
    return sum((_cost(run.folder) for run in runs), Cost())


def _cost(folder: Path) -> Cost:
    finished = read_finished(folder)
    if finished is not None:
        return finished.cost
    hardware = (read_json(folder / ENVIRONMENT) or {}).get("hardware") or {}
    return Finished(
        seconds=_logged_seconds(folder),
        threads=int(hardware.get("threads", 1)),
        devices=int(hardware.get("gpus", 1)) if str(hardware.get("device", "cpu")).startswith("cuda") else 0,
    ).cost


def _logged_seconds(folder: Path) -> float:
    """Return the seconds of the rollouts in timing.jsonl; of a rollout that was repeated, the last time."""
    seconds: dict[int, float] = {}
    path = folder / TIMING
    if not path.is_file():
        return 0.0
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line.endswith("\n"):
                row = json.loads(line)
                phases = (value for key, value in row.items() if key.startswith(PHASE))
                seconds[row["rollout"]] = sum(map(float, phases))
    return sum(seconds.values())
