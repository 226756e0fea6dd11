"""Recorded runs x curves -> the replay table.

One rollout is in memory at a time, with the critical scales of the matched tokens of those before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from sspo.config import ClipConfig, SegmentationConfig
from sspo.recording.ratios import VisitRatios, critical_of_matched, seen_by, visit_ratios
from sspo.recording.recorded import RecordedRollout
from sspo.replay.matching import Matched, match, units
from sspo.replay.request import EVEN, Curve, Request, curves, matchable
from sspo.replay.source import RecordedRun
from sspo.replay.table import SCHEMA, with_fractions
from sspo.replay.tally import distribution, tally
from sspo.segmentation import segment, segmentation_seed

Tick = Callable[[], None]


@dataclass(frozen=True)
class Rows:
    """Columns of the table as they grow: a chunk a (rollout, curve)."""

    chunks: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, updates: int, points: int, columns: Mapping[str, Any]) -> None:
        """Add (U, K) rows; values are broadcast to that."""
        for name, value in columns.items():
            whole_UK = np.broadcast_to(np.asarray(value), (updates, points))
            self.chunks.setdefault(name, []).append(whole_UK.ravel())

    def table(self) -> pa.Table:
        """The rows as a replay table; empty where nothing was added."""
        if not self.chunks:
            return SCHEMA.empty_table()
        return with_fractions({name: np.concatenate(parts) for name, parts in self.chunks.items()})


def segment_ids(run: RecordedRun, recorded: RecordedRollout, rule: SegmentationConfig) -> torch.Tensor:
    """segment_id_BT of a recorded rollout under a rule; random cuts as the run itself would have drawn them."""
    batch = recorded.batch
    seed = segmentation_seed(run.config.seed, recorded.number)
    return segment(
        batch.response_BT, batch.mask_BT, rule, run.tokenizer, entropy_BT=batch.entropy_BT, seed=seed
    )


def unit_ratios(run: RecordedRun, recorded: RecordedRollout, curve: Curve) -> VisitRatios:
    """The ratios of every visit under the curve's objective and rule, with bounds of 1 before entropy shapes them."""
    seen = seen_by(recorded, curve.objective, segment_ids(run, recorded, curve.segmentation), run.config.seed)
    return visit_ratios(seen, replace(curve.objective, clip=EVEN))


def shaped(ratios: VisitRatios, shape: ClipConfig) -> VisitRatios:
    """The same ratios with bounds of another clip."""
    return replace(ratios, low_NT=ratios.low_NT * shape.low, high_NT=ratios.high_NT * shape.high)


Critical = list[list[tuple[int, torch.Tensor]]]
"""For each curve, (number of the run, critical scales of the matched tokens) of every rollout."""


def evaluate_grid(runs: Sequence[RecordedRun], request: Request, rows: Rows, tick: Tick) -> Critical:
    """Add every point of the grid to `rows`; returns what `critical_scales` does."""
    critical: Critical = []
    for number, recorded, i, curve, ratios in _replayed(runs, request, tick):
        _keep(critical, number, i, curve, ratios)
        _add(rows, number, recorded, curve, ratios, target=math.nan)
    return critical


def critical_scales(runs: Sequence[RecordedRun], request: Request, tick: Tick) -> Critical:
    """Critical scales of matched tokens, in multiples of a curve's shape."""
    critical: Critical = []
    for number, _, i, curve, ratios in _replayed(runs, request, tick):
        _keep(critical, number, i, curve, ratios)
    return critical


def _keep(critical: Critical, number: int, i: int, curve: Curve, ratios: VisitRatios) -> None:
    while len(critical) <= i:
        critical.append([])
    critical[i].append((number, critical_of_matched(shaped(ratios, curve.shape))))


def _replayed(
    runs: Sequence[RecordedRun], request: Request, tick: Tick
) -> Iterator[tuple[int, RecordedRollout, int, Curve, VisitRatios]]:
    """(number of the run, rollout, number of the curve, curve, ratios with unit bounds) of all there is."""
    for number, run in enumerate(runs):
        for recorded in run.rollouts():
            for i, curve in enumerate(curves(request, run.config, recorded.clip_scale)):
                yield number, recorded, i, curve, unit_ratios(run, recorded, curve)
            tick()


def evaluate_matched(
    runs: Sequence[RecordedRun],
    request: Request,
    matched: Sequence[tuple[int, float, Matched]],
    rows: Rows,
    tick: Tick,
) -> None:
    """Add the matched points, (index of the curve, target, its match), of every rollout."""
    for number, recorded, i, curve, ratios in _replayed(runs, request, tick):
        mine = [(target, found.scale) for j, target, found in matched if j == i]
        if mine:
            targets, scales = zip(*mine, strict=True)
            _add(rows, number, recorded, at_scales(curve, scales), ratios, target=targets)


def at_scales(curve: Curve, scales: Sequence[float]) -> Curve:
    """The curve at multiples of its shape."""
    return replace(
        curve,
        low_K=tuple(curve.shape.low * scale for scale in scales),
        high_K=tuple(curve.shape.high * scale for scale in scales),
    )


def match_targets(
    chosen: Sequence[Curve], critical: Critical, targets: Sequence[float]
) -> list[tuple[int, float, Matched | None]]:
    """(index of the curve, target, its match) of every pair; None where no bounds of the curve meet the target."""
    return [
        (i, target, match(units(of_curve), target) if matchable(curve) else None)
        for i, (curve, of_curve) in enumerate(zip(chosen, critical, strict=True))
        for target in targets
    ]


def _add(
    rows: Rows,
    number: int,
    recorded: RecordedRollout,
    curve: Curve,
    ratios: VisitRatios,
    target: float | Sequence[float],
) -> None:
    clips = matchable(curve)
    never = [math.inf] * len(curve.low_K)
    counts = tally(ratios, curve.low_K if clips else never, curve.high_K if clips else never)
    updates = recorded.visits.updates
    update_U1 = np.arange(updates)[:, None]
    index = {
        "run": number,
        "rollout": recorded.number,
        "step": recorded.first_step + update_U1,
        "update": update_U1,
        "objective": curve.objective.name,
        "rule": curve.segmentation.rule,
        "ratio": curve.objective.ratio,
        "adapt": curve.objective.bounds.adapt,
        "alpha": curve.objective.bounds.alpha,
        "low": curve.low_K,
        "high": curve.high_K,
        "target": target,
        "grad_noise": math.nan,
    }
    rows.add(updates, len(curve.low_K), {**index, **counts, **distribution(ratios)})
