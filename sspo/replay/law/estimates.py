"""Estimates of the law from the cells of a run.

A unit is a segment of a rule, of n tokens: D is the mean of its tokens' log-ratios, H that of their entropies.

    E[D^2 | H, n] = a_step H^b n^-c,   H >= FLOOR, a free for every optimizer step

a is free because steps differ in size while rollouts differ in entropy: pooled, that would pass for a law. c is free
because the mean of n independent terms has a variance over n, and the mean of n equal ones has not (c = 1 and 0).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sspo.replay.law.cells import FLOOR, Cells
from sspo.replay.law.power_law import Array, Sample, fit, log_scales
from sspo.replay.matching import LEVEL

FEWEST = 20
"""Units below which a run's bin is left out."""
Values = dict[str, float | None]


def sample_of(
    cells: Cells,
    *,
    known: float | None = None,
    curved: bool = False,
    absolute: bool = False,
    offset: bool = False,
) -> Sample:
    """Return the sample of a power law: columns log H unless its exponent is `known`, (log H)^2 if `curved`, then log n.

    The quantity is D^2, or |D| if `absolute`. With `offset`, H + FLOOR takes the place of H, and units below FLOOR
    belong to it.
    """
    cells = cells if offset else cells.chosen(cells.above_K)
    log_h_K = (cells.log_offset_K if offset else cells.log_entropy_K) / cells.units_K
    columns = [] if known is not None else [log_h_K, log_h_K**2] if curved else [log_h_K]
    return Sample(
        step_K=np.unique(cells.step_K, return_inverse=True)[1],
        units_K=cells.units_K,
        total_K=cells.sizes_K if absolute else cells.squares_K,
        x_KP=np.stack([*columns, np.log(cells.tokens_K)], axis=1),
        known_K=(known or 0.0) * log_h_K,
    )


def estimates_of(cells: Cells) -> Values:
    """Return the estimates of one run, or of one rollout, by the names of sspo.metrics.law.ESTIMATES; None where it has none."""
    power = fit(sample_of(cells))
    curved = fit(sample_of(cells, curved=True), needed=2)
    offset = fit(sample_of(cells, offset=True))
    absolute = fit(sample_of(cells, absolute=True))
    active = fit(sample_of(cells.chosen(cells.active_K)))
    return {
        "exponent": None if power is None else float(power[0]),
        "length_exponent": None if power is None or power[1] == 0.0 else -float(power[1]),
        "curvature": None if curved is None else float(curved[1]),
        "exponent_offset": None if offset is None else float(offset[0]),
        "exponent_absolute": None if absolute is None else 2 * float(absolute[0]),
        "exponent_active": None if active is None else float(active[0]),
        **regression(cells),
    }


def regression(cells: Cells) -> Values:
    """Return slope, intercept and R^2 of the least-squares line of D^2 on H over all units."""
    units = cells.units_K.sum()
    mean_h, mean_y = cells.entropy_K.sum() / units, cells.squares_K.sum() / units
    var_h = cells.entropy_squares_K.sum() / units - mean_h**2
    var_y = cells.fourths_K.sum() / units - mean_y**2
    cov = cells.products_K.sum() / units - mean_h * mean_y
    if var_h <= 1e-12 * mean_h**2 or var_y <= 1e-12 * mean_y**2:
        return {"slope": None, "intercept": None, "r2": None}
    slope = cov / var_h
    return {
        "slope": float(slope),
        "intercept": float(mean_y - slope * mean_h),
        "r2": float(slope * cov / var_y),
    }


def over_units(values: Sequence[float | None]) -> dict[str, Any]:
    """Return the mean of per-unit values with its t interval; None for what they do not determine."""
    known = np.array([value for value in values if value is not None])
    record: dict[str, Any] = {"value": None, "low": None, "high": None, "n": len(known)}
    if len(known):
        record["value"] = float(known.mean())
    if len(known) > 1:
        from scipy.special import stdtrit  # slow to import: only commands that state intervals wait for it

        reach = float(stdtrit(len(known) - 1, (1 + LEVEL) / 2) * known.std(ddof=1) / math.sqrt(len(known)))
        record |= {"low": record["value"] - reach, "high": record["value"] + reach}
    return record


def bins_of(cells: Cells) -> dict[str, Any]:
    """Return mean D^2 by entropy, in bins of a factor of 2 from FLOOR, and the center of the fit through them.

    D^2 is brought to the run's typical step and length by the fit, as its figure shows one line per run.
    """
    sample = sample_of(cells)
    power = fit(sample)
    if power is None:
        return {"center": None, "bins": []}
    step_of = np.unique(cells.step_K[cells.above_K])
    log_scale_S = log_scales(sample, power)
    units_S = np.bincount(sample.step_K, sample.units_K)
    seen_S = np.isfinite(log_scale_S)
    typical = np.average(log_scale_S[seen_S], weights=units_S[seen_S])
    mean_x_P = np.average(sample.x_KP, axis=0, weights=sample.units_K)
    kept_K = np.isin(cells.step_K, step_of[seen_S])
    mine = cells.chosen(kept_K)
    own_K = log_scale_S[np.searchsorted(step_of, mine.step_K)]
    log_factor_K = typical - own_K - power[1] * (np.log(mine.tokens_K) - mean_x_P[1])
    square_K = mine.squares_K * np.exp(log_factor_K)
    return {
        "center": [float(np.exp(mean_x_P[0])), float(np.exp(typical + power @ mean_x_P))],
        "bins": _binned(mine, square_K),
    }


def _binned(cells: Cells, square_K: Array) -> list[dict[str, Any]]:
    place_K = _place(cells)
    bins = []
    for place in np.unique(place_K):
        mine_K = place_K == place
        units, square = cells.units_K[mine_K].sum(), square_K[mine_K].sum()
        if units >= FEWEST and square > 0:
            bins.append(
                {
                    "bin": int(place),
                    "units": int(units),
                    "entropy": _short(cells.entropy_K[mine_K].sum() / units),
                    "square": _short(square / units),
                }
            )
    return bins


def _place(cells: Cells) -> NDArray[np.int64]:
    """Return the bin of each cell: k holds FLOOR 2^k to FLOOR 2^(k + 1), -1 to -3 what is below, the last all the rest."""
    with np.errstate(divide="ignore"):
        place_K = np.floor(np.log2(cells.entropy_K / cells.units_K / FLOOR))
    return np.where(cells.above_K, np.maximum(place_K, 0), np.clip(place_K, -3, -1)).astype(np.int64)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
