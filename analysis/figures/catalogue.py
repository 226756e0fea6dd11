"""The figures of a report, in drawing and page order. To add a figure, write its module and add its line
here.
"""

from __future__ import annotations

from typing import Any

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.evidence.replay import Replay
from analysis.figures import (
    clip_against_accuracy,
    factor_effects,
    heat_map,
    paired_by_seed,
)
from analysis.figures.curves import (
    clip_fraction,
    entropy,
    held_out_accuracy,
    length,
    ratio_quantiles,
    ratio_spread,
    training_reward_accuracy,
)
from analysis.figures.figure import Figure
from analysis.figures.forest import difference_to_baseline
from analysis.figures.replay import (
    replay_clip_by_update,
    replay_clip_fraction,
    replay_law,
    replay_trade_off,
)
from analysis.figures.tuning import tuning_best, tuning_sensitivity

CURVES: tuple[Figure[Evidence, list[Curve]], ...] = (
    held_out_accuracy.FIGURE,
    training_reward_accuracy.FIGURE,
    clip_fraction.FIGURE,
    entropy.FIGURE,
    ratio_spread.FIGURE,
    ratio_quantiles.FIGURE,
    length.FIGURE,
)
"""Figures over a run; the dashboard shows them too."""
FIGURES: tuple[Figure[Evidence, Any], ...] = (
    difference_to_baseline.FIGURE,
    paired_by_seed.FIGURE,
    factor_effects.FIGURE,
    heat_map.FIGURE,
    *CURVES,
    clip_against_accuracy.FIGURE,
    tuning_best.FIGURE,
    tuning_sensitivity.FIGURE,
)
REPLAY_FIGURES: tuple[Figure[Replay, Any], ...] = (
    replay_clip_fraction.FIGURE,
    replay_trade_off.FIGURE,
    replay_clip_by_update.FIGURE,
    replay_law.FIGURE,
)
