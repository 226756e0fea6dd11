"""Log-ratios of a recorded rollout by entropy: sums over units that share an optimizer step, a length and a narrow
range of entropy.

A unit is a segment at one visit: D is the mean of its tokens' log-ratios, H the mean of their entropies. Sums in cells
are all that the law of entropy (sspo.replay.law) reads, so a recording of any size fits in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from sspo.recording.ratios import VisitRatios

FLOOR = 0.01
"""Nats: ESTR's epsilon. An exponent is estimated from units of at least this entropy."""
WIDTH = 0.02
"""Width of a cell in log(H + FLOOR)."""
Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """K cells; sums are over the units of a cell."""

    step_K: NDArray[np.int64]
    """Optimizer step: of its rollout, or of all joined rollouts."""
    tokens_K: NDArray[np.int64]
    """Tokens of each of its units."""
    above_K: NDArray[np.bool_]
    """Whether its entropies are at least FLOOR."""
    active_K: NDArray[np.bool_]
    """Whether its advantages are not 0."""
    units_K: Array
    squares_K: Array
    """Sum of D^2."""
    sizes_K: Array
    """Sum of |D|."""
    fourths_K: Array
    """Sum of D^4."""
    entropy_K: Array
    entropy_squares_K: Array
    products_K: Array
    """Sum of H D^2."""
    log_entropy_K: Array
    """Sum of log H, of log FLOOR below it."""
    log_offset_K: Array
    """Sum of log(H + FLOOR)."""

    def chosen(self, kept_K: NDArray[np.bool_]) -> Cells:
        """Return some of the cells."""
        return Cells(**{field.name: getattr(self, field.name)[kept_K] for field in fields(self)})


def join(parts: Sequence[Cells]) -> Cells:
    """Join the cells of several rollouts, whose optimizer steps differ."""
    ends = np.cumsum([0, *(int(part.step_K.max(initial=-1)) + 1 for part in parts)])
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Cells)
    }
    steps = [part.step_K + end for part, end in zip(parts, ends[:-1], strict=True)]
    return Cells(**{**joined, "step_K": np.concatenate(steps)})


def cells_of(ratios: VisitRatios, entropy_NT: torch.Tensor) -> Cells:
    """Return the cells of a rollout's updates from the second on: on the first, log-ratios are 0."""
    mask_NT = ratios.mask_NT & (ratios.update_N > 0)[:, None]
    row_M, _ = (index_M.numpy() for index_M in torch.nonzero(mask_NT, as_tuple=True))
    segment_M = ratios.segment_id_NT[mask_NT].numpy()
    key_M = row_M * (int(segment_M.max(initial=0)) + 1) + segment_M
    _, first_U, unit_M = np.unique(key_M, return_index=True, return_inverse=True)
    tokens_U = np.bincount(unit_M, minlength=len(first_U))

    def mean_of(value_NT: torch.Tensor) -> Array:
        values_M = value_NT[mask_NT].double().numpy()
        return np.bincount(unit_M, values_M, minlength=len(first_U)) / np.maximum(tokens_U, 1)

    return gather(
        step_U=ratios.update_N.numpy()[row_M[first_U]] - 1,
        tokens_U=tokens_U,
        active_U=mean_of(ratios.advantage_NT.abs()) > 0,
        d_U=mean_of(ratios.d_NT),
        entropy_U=np.maximum(mean_of(entropy_NT), 0.0),
    )


def gather(
    *,
    step_U: NDArray[np.int64],
    tokens_U: NDArray[np.int64],
    active_U: NDArray[np.bool_],
    d_U: Array,
    entropy_U: Array,
) -> Cells:
    """Return the cells of units, given one by one."""
    above_U = entropy_U >= FLOOR
    log_offset_U = np.log(entropy_U + FLOOR)
    place_U = np.floor((log_offset_U - np.log(2 * FLOOR)) / WIDTH).astype(np.int64)
    lowest = int(place_U.min(initial=0))
    width = int(place_U.max(initial=0)) - lowest + 1
    longest = int(tokens_U.max(initial=0)) + 1
    key_U = (((step_U * longest + tokens_U) * 2 + above_U) * 2 + active_U) * width + (place_U - lowest)
    _, first_K, cell_U = np.unique(key_U, return_index=True, return_inverse=True)

    def total(value_U: Array) -> Array:
        return np.bincount(cell_U, value_U, minlength=len(first_K)).astype(np.float64)

    squares_U = d_U * d_U
    return Cells(
        step_K=step_U[first_K],
        tokens_K=tokens_U[first_K],
        above_K=above_U[first_K],
        active_K=active_U[first_K],
        units_K=total(np.ones(len(d_U))),
        squares_K=total(squares_U),
        sizes_K=total(np.abs(d_U)),
        fourths_K=total(squares_U * squares_U),
        entropy_K=total(entropy_U),
        entropy_squares_K=total(entropy_U * entropy_U),
        products_K=total(entropy_U * squares_U),
        log_entropy_K=total(np.log(np.maximum(entropy_U, FLOOR))),
        log_offset_K=total(log_offset_U),
    )
