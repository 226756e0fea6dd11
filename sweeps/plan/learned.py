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
from sweeps.plan.expected.trials import expected_on, sets_of
from sweeps.plan.finished import Finished
from sweeps.study.limits import Resources


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


def scale_of(finished: Iterable[Finished], model: str, place: Place) -> Scale | None:
    """Of the finished trials those of the model on such a place count. None where there are none."""
    ratios = [
        ratio for one in finished if is_of(one, place.name) and (ratio := _ratio(one, model)) is not None
    ]
    return Scale(factor=statistics.median(ratios), trials=len(ratios)) if ratios else None


def _ratio(one: Finished, model: str) -> float | None:
    """Measured over estimated seconds; None for another model, and where there is no estimate."""
    config = _config(one.folder)
    if config is None or config.model.path != model:
        return None
    place = found(one.gpu, None) if one.devices else processors_here()
    resources = Resources(threads=one.threads, gpus=max(1, one.devices))
    sets = _asked(one.folder) or sets_of(config, named=False)
    expected = expected_on(config, place, resources, sets)
    return None if expected is None or expected.seconds is None else one.seconds / expected.seconds.total


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
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            row = json.loads(line)
            if row["final"] and row["temperature"] == 0:
                counts[row["set"]] += 1
    except (
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
    ):  # torn, or of other code: then it says as little as none
        return []
    return list(counts.values())
