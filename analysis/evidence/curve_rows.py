"""Quantities by rollout, as curves show them: one table per quantity, one row per rollout and one column per run."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.evidence.evidence import Evidence
from analysis.evidence.measures import last_updates


@dataclass(frozen=True)
class Curve:
    """A quantity by rollout: one row per rollout (index), one column per run; `scale` converts it for the axis."""

    label: str
    table: pd.DataFrame
    scale: float = 100.0
    log: bool = False
    reference: float | None = None
    """Level of a dashed line, unscaled."""
    named: str = ""
    """Label of that line."""
    geometric: bool = False
    """Whether it is a spread, whose means and intervals are taken of logarithms: intervals of the spread itself can fall below zero."""
    robust: bool = False
    """Whether the arm without a clip may leave the axis, if it would flatten all others."""
    together: bool = False
    """Whether all arms share one panel, because they are equal by design."""
    of_scores: bool = False
    """Whether it is of the scores, and not of the metrics of training."""

    @functools.cached_property
    def by_run(self) -> dict[int, NDArray[np.float64]]:
        """Return each run's values on the axis."""
        return {run: self.scale * self.table[run].to_numpy(np.float64) for run in self.table.columns}


def by_rollout(evidence: Evidence, key: str) -> pd.DataFrame:
    """Return the metric's mean over each rollout's updates."""
    return _places(evidence, last=False).means(key)


def rollout_level(evidence: Evidence, key: str) -> pd.DataFrame:
    """Return a metric that is logged once per rollout."""
    return _places(evidence, last=True).means(key)


@functools.lru_cache(maxsize=4)
def _places(evidence: Evidence, *, last: bool) -> _Places:
    metrics = evidence.logs.metrics
    return _Places(last_updates(metrics) if last else metrics)


class _Places:
    """The place of each row of the metrics in a table of rollouts by runs."""

    def __init__(self, metrics: pd.DataFrame):
        self.metrics = metrics
        self.runs, run = np.unique(metrics["run"].to_numpy(), return_inverse=True)
        self.rollouts, rollout = np.unique(metrics["rollout"].to_numpy(), return_inverse=True)
        self.place = rollout * len(self.runs) + run

    def means(self, key: str) -> pd.DataFrame:
        """Return the mean of a metric's values in each place, in float64; rollouts and runs without any are left out."""
        value = self.metrics[key].to_numpy(dtype=np.float64)
        logged = ~np.isnan(value)
        shape = len(self.rollouts), len(self.runs)
        count = np.bincount(self.place[logged], minlength=shape[0] * shape[1]).reshape(shape)
        total = np.bincount(self.place[logged], weights=value[logged], minlength=count.size).reshape(shape)
        rollouts, runs = count.any(axis=1), count.any(axis=0)
        mean = np.full(shape, np.nan)
        np.divide(total, count, out=mean, where=count > 0)
        return pd.DataFrame(
            mean[rollouts][:, runs],
            index=pd.Index(self.rollouts[rollouts], name="rollout"),
            columns=pd.Index(self.runs[runs], name="run"),
        )
