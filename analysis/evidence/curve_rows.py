"""The quantities that curves show, by rollout: a table a quantity, a row a rollout and a column a run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence.evidence import Evidence
from analysis.evidence.held_out import base_line, held_out
from analysis.evidence.measures import last_updates


@dataclass(frozen=True)
class Curve:
    """A quantity by rollout: a row a rollout (index), a column a run; `unit` scales it for the axis."""

    label: str
    table: pd.DataFrame
    scale: float = 100.0
    log: bool = False
    reference: float | None = None
    """Level of a dashed line, unscaled."""


def by_rollout(evidence: Evidence, key: str) -> pd.DataFrame:
    """The metric's mean over each rollout's updates."""
    return _places(evidence, last=False).means(key)


def rollout_level(evidence: Evidence, key: str) -> pd.DataFrame:
    """A metric logged once a rollout."""
    return _places(evidence, last=True).means(key)


@functools.lru_cache(maxsize=4)
def _places(evidence: Evidence, *, last: bool) -> _Places:
    metrics = evidence.logs.metrics
    return _Places(last_updates(metrics) if last else metrics)


class _Places:
    """Where each row of the metrics belongs in a table of rollouts by runs."""

    def __init__(self, metrics: pd.DataFrame):
        self.metrics = metrics
        self.runs, run = np.unique(metrics["run"].to_numpy(), return_inverse=True)
        self.rollouts, rollout = np.unique(metrics["rollout"].to_numpy(), return_inverse=True)
        self.place = rollout * len(self.runs) + run

    def means(self, key: str) -> pd.DataFrame:
        """Mean of a metric's values in each place, in float64; rollouts and runs without any are left out."""
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


def clip_kind(evidence: Evidence) -> str:
    """The clip fraction that was logged: of active tokens, or of all where imported logs have no other."""
    active = evidence.logs.metrics["policy/clip_frac_active"].notna().any()
    return "clip_frac" if evidence.study.imported and not active else "clip_frac_active"


def clip_caption(evidence: Evidence) -> str:
    """What is clipped of what."""
    tokens = "tokens with A != 0" if clip_kind(evidence) == "clip_frac_active" else "response tokens"
    return (
        f"Clipped share of {tokens}, mean over a rollout's updates, and its parts clipped low (A < 0) and high "
        "(A > 0); the axis is linear below .01 %"
    )


def clip_fraction_rows(evidence: Evidence) -> list[Curve]:
    """Clipped share of tokens, then its low and high parts."""
    kind = clip_kind(evidence)
    keys = (
        (label, f"policy/{kind}{part}")
        for label, part in (("clipped %", ""), ("low %", "_low"), ("high %", "_high"))
    )
    logged = evidence.logs.metrics.columns
    return [Curve(label, by_rollout(evidence, key), log=True) for label, key in keys if key in logged]


def entropy_rows(evidence: Evidence) -> list[Curve]:
    """Token entropy of the sampling policy."""
    return [Curve("token entropy (nats)", rollout_level(evidence, "rollout/entropy_token"), scale=1.0)]


def ratio_spread_rows(evidence: Evidence) -> list[Curve]:
    """Spread of the ratios that the loss used, and of the tokens' own log-ratios, which no averaging narrows."""
    keys = (("ratio sd %", "policy/ratio_std"), ("token log-ratio sd %", "policy/token_log_ratio_std"))
    return [Curve(label, by_rollout(evidence, key), log=True) for label, key in keys]


def ratio_quantile_rows(evidence: Evidence) -> list[Curve]:
    """Percentiles of the ratios that the loss used, from the highest to the lowest."""
    rows = (("ratio, 99 %", "p99"), ("ratio, median", "p50"), ("ratio, 1 %", "p01"))
    return [Curve(label, by_rollout(evidence, f"policy/ratio_{name}"), scale=1.0) for label, name in rows]


def length_rows(evidence: Evidence) -> list[Curve]:
    """Length of the sampled training responses."""
    return [Curve("response tokens", rollout_level(evidence, "rollout/response_tokens"), scale=1.0)]


def training_rows(evidence: Evidence) -> list[Curve]:
    """Reward of the sampled training responses, then their accuracy."""
    return [
        Curve("reward", rollout_level(evidence, "reward/mean"), scale=1.0),
        Curve("accuracy %", rollout_level(evidence, "rollout/accuracy")),
    ]


def held_out_rows(evidence: Evidence) -> list[Curve]:
    """Held-out accuracy while training, with the untrained base on the same questions as a line; of imported logs the
    primary metrics."""
    if evidence.study.imported:
        label = (
            ", ".join(evidence.sets) if len(evidence.sets) == 1 else f"mean of {len(evidence.sets)} metrics"
        )
        return [Curve(f"{label}{evidence.unit.mark}", held_out(evidence), scale=evidence.unit.factor)]
    return [Curve("held-out accuracy %", held_out(evidence), reference=base_line(evidence))]


ROWS: Mapping[str, tuple[Callable[[Evidence], list[Curve]], float]] = {
    "held_out_accuracy": (held_out_rows, 1.5),
    "training_reward_accuracy": (training_rows, 1.2),
    "clip_fraction": (clip_fraction_rows, 1.05),
    "entropy": (entropy_rows, 1.5),
    "ratio_spread": (ratio_spread_rows, 1.2),
    "ratio_quantiles": (ratio_quantile_rows, 1.05),
    "length": (length_rows, 1.5),
}
"""Figures of curves: what they show, and the height of a row in inches."""
