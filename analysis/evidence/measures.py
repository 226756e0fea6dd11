"""Training dynamics: one number per run from its metrics, means over optimizer steps unless stated otherwise."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.evidence.evidence import Evidence
from sspo.metrics import GLOSSARY, SHARES, Share


@dataclass(frozen=True)
class Measure:
    """A column of the dynamics table."""

    title: str
    key: str
    percent: bool
    over: str = ""
    """The steps of a run that count, a key of STEPS; all of them if empty."""

    @property
    def pooled(self) -> Share | None:
        """Return the share whose counts are pooled over a run's steps, because one step has too few rare tokens; else None."""
        return SHARES.get(self.key)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the logged keys that it is computed from."""
        return (self.key,) if self.pooled is None else (self.pooled.part, self.pooled.whole)

    @property
    def name(self) -> str:
        """Return the measure's name in data files."""
        return f"{self.key}@{self.over}" if self.over else self.key

    @property
    def meaning(self) -> str:
        """Return the glossary's sentence, phrased to stand alone."""
        text = GLOSSARY[self.key].meaning.removeprefix("... ").replace("tokens with A != 0", "active tokens")
        return text.replace("its ", "the importance ratio's ", 1) if text.startswith("its ") else text


CLIP_LAST = Measure("clip, last update", "policy/clip_frac_active", True, over="last_update")
CLIP_MATCHED = Measure("clip, 2nd half", "policy/clip_frac_active", True, over="matched")
MEASURES = (
    Measure("clip low", "policy/clip_frac_active_low", True),
    Measure("clip high", "policy/clip_frac_active_high", True),
    CLIP_LAST,
    CLIP_MATCHED,
    Measure("ratio sd", "policy/ratio_std", False),
    Measure("extreme retained", "policy/extreme_retained_frac", True),
    Measure("collateral", "policy/collateral_clip_frac", True),
    Measure("token entropy", "rollout/entropy_token", False),
    Measure("length", "rollout/response_tokens", False),
    Measure("truncated", "rollout/truncated_frac", True),
)


def last_updates(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last update of each run's rollouts."""
    return metrics.loc[metrics.groupby(["run", "rollout"], sort=False)["step"].idxmax()]


def matched_updates(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on which arms are matched: the last half of each run's rollouts, from the second update of each on."""
    rollouts = metrics.groupby("run")["rollout"].transform("max") + 1
    return metrics[(metrics["rollout"] >= rollouts // 2) & (metrics["update"] >= 1)]


STEPS: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "": lambda metrics: metrics,
    "last_update": last_updates,
    "matched": matched_updates,
}


@functools.lru_cache(maxsize=64)
def run_means(evidence: Evidence, measure: Measure) -> pd.Series:
    """Return the mean of the measure over a run's steps (null ones left out), indexed by run; runs without any are absent."""
    metrics = evidence.logs.metrics
    if measure.pooled is not None:
        return _pooled(metrics, measure.pooled)
    rows = STEPS[measure.over](metrics)
    return rows.groupby("run")[measure.key].mean().astype("float64").dropna()


def _pooled(metrics: pd.DataFrame, share: Share) -> pd.Series:
    """Return the share over all steps of a run; runs with too few tokens in total are absent."""
    counts = metrics.groupby("run")[[share.part, share.whole]].sum().astype("float64")
    counts = counts[counts[share.whole] >= share.min_count]
    return counts[share.part] / counts[share.whole]
