"""Corrections of the cost model: how much longer a model's finished trials took than estimated."""

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
from sweeps.plan.expected.trials import expected_on, is_predicted, sets_of, sizes_are_listed
from sweeps.plan.finished import Finished
from sweeps.study.limits import Resources

GREEDY = '"mode": "greedy"'
"""Marker of greedy lines in eval.jsonl. It cannot occur inside a text, where quotes are escaped; so the many long lines of other
modes need no parsing."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A correction of the cost model."""

    factor: float
    """The median of measured over estimated seconds."""
    trials: int
    """How many finished trials it is computed from."""


def is_of(trial: Finished, name: str) -> bool:
    """Return whether a trial ran on the device of this name in conf/planning/devices.yaml or in the driver; `cpu` is any processor."""
    if trial.devices == 0:
        return name == CPU
    return name in (trial.gpu, row_of(trial.gpu))


def scale_of(finished: Iterable[Finished], model: str, place: Place, *, trains: bool) -> Scale | None:
    """Return the correction from the finished trials of a model on a place; None if there are none.

    A trial that trains is corrected by trials that trained, if there are any, and one that only evaluates the base by trials that
    only evaluated, because these contain no updates.
    """
    ratios = [pair for one in finished if is_of(one, place.name) and (pair := _ratio(one, model)) is not None]
    alike = [ratio for trained, ratio in ratios if trained == trains] or [ratio for _, ratio in ratios]
    return Scale(factor=statistics.median(alike), trials=len(alike)) if alike else None


def _ratio(one: Finished, model: str) -> tuple[bool, float] | None:
    """Return whether a trial trained, and its measured over estimated seconds; None for a different model, another backend or without an estimate."""
    config = _config(one.folder)
    if config is None or config.model.path != model or not is_predicted(config):
        return None
    place = found(one.gpu, None) if one.devices else processors_here()
    resources = Resources(threads=one.threads, gpus=max(1, one.devices))
    sets = [] if sizes_are_listed(config) else _questions(one.folder)
    expected = expected_on(config, place, resources, sets or sets_of(config, named=False))
    if expected is None or expected.seconds is None:
        return None
    return config.trainer.rollouts > 0, one.seconds / expected.seconds.total


def _config(folder: Path) -> TrainConfig | None:
    """Read the configuration of a run; None if it was written by code with different options, or is damaged, which the
    forecast reports separately."""
    try:
        return validate(build(TrainConfig, read_yaml(folder / CONFIG)))
    except UserError:
        return None


def _questions(folder: Path) -> list[int]:
    """Count the questions of each held-out set in the last step's greedy answers; empty if none can be read."""
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
    ):  # a torn file, or one written by other code, counts as missing
        return []
    return list(counts.values())
