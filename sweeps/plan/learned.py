"""What finished trials of a model make of the cost model: how many times as long they took as it says."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sspo.config import TrainConfig
from sspo.config.build import build
from sspo.config.validation import validate
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.runs.runlog import CONFIG, EVAL
from sweeps.plan.expected.machine import CPU, Place, found, processors_here, row_of
from sweeps.plan.expected.trials import expected_on, sets_of, sizes_are_listed
from sweeps.plan.finished import Finished
from sweeps.study.limits import Resources

GREEDY = '"mode": "greedy"'
"""In a line of eval.jsonl, where a text would have its quotes escaped: most lines are long and of other modes, and need no parsing."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A correction of the cost model."""

    factor: float
    """The median of measured over estimated seconds."""
    trials: int
    """How many finished ones it is of."""


def is_of(trial: Finished, name: str) -> bool:
    """Whether a trial ran on what conf/planning/devices.yaml, or the driver, calls so; `cpu` is any processor."""
    if trial.devices == 0:
        return name == CPU
    return name in (trial.gpu, row_of(trial.gpu))


def scale_of(finished: Iterable[Finished], model: str, place: Place, *, trains: bool) -> Scale | None:
    """Of the finished trials those of the model on such a place count: of a trial that trains those that trained, where there are
    any, and likewise of one that only evaluates the base, which says little of updates. None where there are none."""
    ratios = [pair for one in finished if is_of(one, place.name) and (pair := _ratio(one, model)) is not None]
    alike = [ratio for trained, ratio in ratios if trained == trains] or [ratio for _, ratio in ratios]
    return Scale(factor=statistics.median(alike), trials=len(alike)) if alike else None


def _ratio(one: Finished, model: str) -> tuple[bool, float] | None:
    """Whether a trial trained, and measured over estimated seconds; None for another model, and where there is no estimate."""
    config = _config(one.folder)
    if config is None or config.model.path != model:
        return None
    place = found(one.gpu, None) if one.devices else processors_here()
    resources = Resources(threads=one.threads, gpus=max(1, one.devices))
    sets = [] if sizes_are_listed(config) else _asked(one.folder)
    expected = expected_on(config, place, resources, sets or sets_of(config, named=False))
    if expected is None or expected.seconds is None:
        return None
    return config.trainer.rollouts > 0, one.seconds / expected.seconds.total


def _config(folder: Path) -> TrainConfig | None:
    """The configuration of a run; None where this code has other options than the one that wrote it, or it is damaged, which the
    forecast says besides."""
    try:
        return validate(build(TrainConfig, read_yaml(folder / CONFIG)))
    except UserError:
        return None


def _asked(folder: Path) -> list[int]:
    """Questions of each held-out set, counted in the last step's greedy answers; empty where there are none that can be read."""
    path = folder / EVAL
    counts: Counter[str] = Counter()
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if GREEDY in line and (row := json.loads(line))["final"]:
                    counts[row["set"]] += 1
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ):  # torn, or of other code: then it says as little as none
        return []
    return list(counts.values())
