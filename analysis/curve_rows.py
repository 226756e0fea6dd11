"""The quantities that curves show, by rollout: a table a quantity, a row a rollout and a column a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.dynamics import last_updates
from analysis.held_out import base_line, held_out
from analysis.results import Evidence
from sspo.metrics import PERCENTILES


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
    metrics = evidence.logs.metrics[["run", "rollout", key]].dropna()
    return metrics.groupby(["rollout", "run"])[key].mean().astype("float64").unstack("run")


def rollout_level(evidence: Evidence, key: str) -> pd.DataFrame:
    """A metric logged once a rollout."""
    metrics = last_updates(evidence.logs.metrics)[["run", "rollout", key]].dropna()
    return metrics.set_index(["rollout", "run"])[key].astype("float64").unstack("run")


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
    highest_first = sorted(PERCENTILES.items(), key=lambda item: -item[1])
    return [
        Curve(
            f"{percent} %" if percent != 50 else "median",
            by_rollout(evidence, f"policy/ratio_{name}"),
            scale=1.0,
        )
        for name, percent in highest_first
    ]


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
    """Held-out accuracy while training, with the untrained base on the same questions as a line."""
    return [Curve("held-out accuracy %", held_out(evidence), reference=base_line(evidence))]


ROWS: Mapping[str, tuple[Callable[[Evidence], list[Curve]], float]] = {
    "held_out_accuracy": (held_out_rows, 1.5),
    "training_reward_accuracy": (training_rows, 1.2),
    "clip_fraction": (clip_fraction_rows, 1.05),
    "entropy": (entropy_rows, 1.5),
    "ratio_spread": (ratio_spread_rows, 1.2),
    "ratio_quantiles": (ratio_quantile_rows, 0.95),
    "length": (length_rows, 1.5),
}
"""Figures of curves: what they show, and the height of a row in inches."""
