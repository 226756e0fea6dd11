"""How runs trained: one number a run from its metrics, means over optimiser steps unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.results import Evidence
from sspo.metrics import GLOSSARY


@dataclass(frozen=True)
class Measure:
    """A column of the dynamics table."""

    title: str
    key: str
    percent: bool
    last_update: bool = False
    """Over the last update of each rollout alone, where ratios are furthest from 1."""

    @property
    def name(self) -> str:
        """The measure's name in data files."""
        return self.key + ("@last_update" if self.last_update else "")

    @property
    def meaning(self) -> str:
        """The glossary's sentence, made to stand alone."""
        text = GLOSSARY[self.key].meaning.removeprefix("... ")
        return text.replace("its ", "the importance ratio's ", 1) if text.startswith("its ") else text


CLIP_LAST = Measure("clip, last update", "policy/clip_frac_active", True, last_update=True)
MEASURES = (
    Measure("clip low", "policy/clip_frac_active_low", True),
    Measure("clip high", "policy/clip_frac_active_high", True),
    CLIP_LAST,
    Measure("ratio sd", "policy/ratio_std", False),
    Measure("extreme retained", "policy/extreme_retained_frac", True),
    Measure("collateral", "policy/collateral_clip_frac", True),
    Measure("token entropy", "rollout/entropy_token", False),
    Measure("length", "rollout/response_tokens", False),
    Measure("truncated", "rollout/truncated_frac", True),
)


def last_updates(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last update of each run's rollouts."""
    return metrics.loc[metrics.groupby(["run", "rollout"], sort=False)["step"].idxmax()]


def run_means(evidence: Evidence, measure: Measure) -> pd.Series:
    """Mean of the measure over a run's steps (null ones left out), indexed by run; runs without any are absent."""
    metrics = evidence.logs.metrics
    rows = last_updates(metrics) if measure.last_update else metrics
    return rows.groupby("run")[measure.key].mean().astype("float64").dropna()
