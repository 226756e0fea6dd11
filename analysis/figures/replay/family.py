"""Shared parts of the figures of a replay: styles of rules, clip fractions by run, sentences, and origins."""

from __future__ import annotations

import pandas as pd

from analysis.evidence.replay import Replay, ReplayCurve, pool, share
from analysis.figures.model import Series
from analysis.figures.style import ArmStyle, first_word, rule_look
from analysis.logs.trace import REPLAY_SUMMARY, Trace, replayed, trace
from analysis.tables.replay.captions import LIMIT, replayed_runs

UPRIGHT = "The vertical axis is linear below 0.01 %."
RUNS = "thin lines are runs, thick ones their mean"
LATER = "Only updates from the second of a rollout on: on the first, all ratios are 1."


def look_of(replay: Replay, curve: ReplayCurve) -> ArmStyle:
    """Return the rule's own style, shifted for every further objective, and for every further rule of that
    name.
    """
    namesakes = [
        c.rule
        for c in replay.curves
        if c.objective == curve.objective and first_word(c.rule) == first_word(curve.rule)
    ]
    place = namesakes.index(curve.rule) * len(replay.objectives) + replay.objectives.index(curve.objective)
    return rule_look(curve.rule, place)


def rule_series(replay: Replay) -> dict[ReplayCurve, Series]:
    """Return every curve's place and style, the same in every chart."""
    return {curve: Series(i, curve.label, look_of(replay, curve)) for i, curve in enumerate(replay.curves)}


def by_run(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the clip fraction in percent by a bound or by update (index), one column per run."""
    return 100 * share(pool(rows, [by, "run"]), "clip_frac_active").unstack("run")


def foot(replay: Replay) -> tuple[str, ...]:
    """Return the last notes of every figure."""
    return f"Replayed: {replayed_runs(replay)}.", f"{LIMIT}."


def origin(replay: Replay) -> Trace:
    """Return the trace of everything that was replayed."""
    streams = [replayed(curve.objective, curve.rule) for curve in replay.curves]
    runs = range(replay.first_run, replay.first_run + len(replay.summary.runs))
    formula = "counts of recorded rollouts, evaluated again under other bounds, pooled over runs"
    return trace(formula, [*streams, REPLAY_SUMMARY], runs)
