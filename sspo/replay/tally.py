"""Clipping of a recorded rollout at every bound of a grid, in one pass.

A token that a bound clips is clipped by every tighter one, so the number of bounds of a sorted grid that clip it
describes it completely. Tokens are counted by that number (and by update), and the counts at all bounds are sums from
the end: the cost hardly depends on the size of the grid. Comparisons are those of the loss, in its float32: a count
here equals the loss's own exactly, not only within rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sspo.objective.diagnostics import EXTREME
from sspo.objective.ratio import segment_size, segments_of
from sspo.recording.ratios import VisitRatios

QUANTILES = {
    "ratio_min": 0.0,
    "ratio_p01": 0.01,
    "ratio_p10": 0.1,
    "ratio_p50": 0.5,
    "ratio_p90": 0.9,
    "ratio_p99": 0.99,
    "ratio_max": 1.0,
}
Array = NDArray[np.float64]
Counts = dict[str, Array]
"""Named counts, (U, K): updates of the rollout by bounds of the grid; (U, 1) if bounds do not matter."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Active tokens that one side of the clip can affect: those with A < 0 for low, A > 0 for high."""

    update_M: NDArray[np.int64]
    ratio_M: NDArray[np.float32]
    own_ratio_M: NDArray[np.float32]
    unit_M: NDArray[np.float32]
    """Factor on a bound at the token: g, or 1."""
    weights: Mapping[str, NDArray[np.float64]]
    sign: int

    def clipped_by(self, ratio_M: NDArray[np.float32], bound_M: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the loss's comparison with 1 + bound, or 1 - bound, in its own float32."""
        edge_M = np.float32(1) + np.float32(self.sign) * (bound_M * self.unit_M)
        return ratio_M > edge_M if self.sign > 0 else ratio_M < edge_M

    def tighter_bounds(self, ratio_M: NDArray[np.float32], grid_K: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return how many bounds of the ascending grid clip each token."""
        excess_M = self.sign * (ratio_M - np.float32(1)) / self.unit_M
        number_M = np.searchsorted(grid_K, excess_M, side="left")
        last = len(grid_K) - 1
        while True:  # the division rounds: apply the loss's own comparison on both sides of the guess
            more_M = (number_M <= last) & self.clipped_by(ratio_M, grid_K[np.minimum(number_M, last)])
            less_M = (number_M > 0) & ~self.clipped_by(ratio_M, grid_K[np.maximum(number_M - 1, 0)])
            if not (more_M | less_M).any():
                return number_M
            number_M = number_M + more_M - less_M


def tally(unit: VisitRatios, low_K: Sequence[float], high_K: Sequence[float]) -> Counts:
    """Return counts at the K pairs of bounds (clip.low, clip.high); keys are those of the replay table.

    `unit` holds the ratios of an objective whose clip.low and clip.high are 1; a bound of infinity never clips.
    """
    updates = int(unit.update_N.max()) + 1
    whole = {
        "ratio": unit.log_ratio_NT.exp(),
        "own_ratio": unit.d_NT.exp(),
        "extreme": (unit.d_NT.abs() > EXTREME) & (unit.advantage_NT * unit.d_NT > 0) & unit.mask_NT,
        "segment_share": 1 / segment_size(unit.segment_id_NT, unit.mask_NT).double(),
        "mass": torch.where(unit.mask_NT, unit.advantage_NT.abs(), 0.0),
    }
    counts = _denominators(unit, whole, updates)
    sides = (
        _count_side(_side(unit, whole, -1), np.asarray(low_K, np.float32), updates),
        _count_side(_side(unit, whole, +1), np.asarray(high_K, np.float32), updates),
    )
    counts["clipped_low"], counts["clipped_high"] = (side.pop("clipped") for side in sides)
    for name in sides[0]:
        counts[name] = sides[0][name] + sides[1][name]
    counts["extreme_retained_tokens"] = counts["extreme_tokens"] - counts.pop("extreme_clipped")
    counts["advantage_mass_kept"] = counts["advantage_mass"] - counts.pop("advantage_mass_clipped")
    return counts


def _count_side(side: Side, grid_K: NDArray[np.float32], updates: int) -> Counts:
    order_K = np.argsort(grid_K, kind="stable")
    rising_K = grid_K[order_K]
    number_M = side.tighter_bounds(side.ratio_M, rising_K)
    own_M = side.tighter_bounds(side.own_ratio_M, rising_K)
    place_K = np.argsort(order_K, kind="stable")

    def at_bounds(number_M: NDArray[np.int64], weight_M: NDArray[np.float64] | None) -> Array:
        """Return the weight of the tokens that each bound of the grid clips, in the grid's own order."""
        slots = len(grid_K) + 1
        held = np.bincount(side.update_M * slots + number_M, weight_M, minlength=updates * slots)
        beyond_UK = held.reshape(updates, slots)[:, ::-1].cumsum(1)[:, ::-1][:, 1:]
        return beyond_UK[:, place_K].astype(np.float64)

    clipped = at_bounds(number_M, None)
    counts = {name: at_bounds(number_M, weight_M) for name, weight_M in side.weights.items()}
    both = at_bounds(np.minimum(number_M, own_M), None)
    return {"clipped": clipped, "collateral_tokens": clipped - both, **counts}


def _side(ratios: VisitRatios, whole: Mapping[str, torch.Tensor], sign: int) -> Side:
    moved_NT = (ratios.advantage_NT * sign > 0) & ratios.mask_NT
    place_M = np.flatnonzero(moved_NT.numpy())  # found once: a mask would be searched for every column
    row_M = place_M // moved_NT.shape[1]
    length_N = ratios.mask_NT.sum(1).clamp(min=1).double()

    def at(value_NT: torch.Tensor) -> NDArray[Any]:
        return value_NT.flatten().numpy()[place_M]

    return Side(
        update_M=ratios.update_N.numpy()[row_M],
        ratio_M=at(whole["ratio"]),
        own_ratio_M=at(whole["own_ratio"]),
        unit_M=at(ratios.high_NT if sign > 0 else ratios.low_NT),
        weights={
            "extreme_clipped": at(whole["extreme"]).astype(np.float64),
            "segment_share": at(whole["segment_share"]),
            "response_share": (1 / length_N).numpy()[row_M],
            "advantage_mass_clipped": at(whole["mass"]).astype(np.float64),
        },
        sign=sign,
    )


def _denominators(ratios: VisitRatios, whole: Mapping[str, torch.Tensor], updates: int) -> Counts:
    """Return the counts that do not depend on bounds, (U, 1)."""
    ratio_NT = torch.where(ratios.mask_NT, whole["ratio"], 0.0).double()
    rows = {
        "tokens": ratios.mask_NT.sum(1),
        "active_tokens": (ratios.mask_NT & (ratios.advantage_NT != 0)).sum(1),
        "responses": ratios.mask_NT.any(1),
        "segments": segments_of(ratios.segment_id_NT),
        "extreme_tokens": whole["extreme"].sum(1),
        "advantage_mass": whole["mass"].double().sum(1),
        "ratio_sum": ratio_NT.sum(1),
        "ratio_squares": (ratio_NT * ratio_NT).sum(1),
    }
    update_N = ratios.update_N.numpy()
    return {
        name: np.bincount(update_N, value_N.double().numpy(), minlength=updates)[:, None].astype(np.float64)
        for name, value_N in rows.items()
    }


def distribution(ratios: VisitRatios) -> Counts:
    """Return quantiles of the objective's ratio over the tokens of each update, (U, 1)."""
    ratio_NT = ratios.log_ratio_NT.exp().double()
    of_update = [ratios.update_N == update for update in range(int(ratios.update_N.max()) + 1)]
    by_update = [ratio_NT[mine_N][ratios.mask_NT[mine_N]].numpy() for mine_N in of_update]
    table_UQ = np.stack([np.quantile(ratio_M, list(QUANTILES.values())) for ratio_M in by_update])
    return {name: table_UQ[:, [i]] for i, name in enumerate(QUANTILES)}
