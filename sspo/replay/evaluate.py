"""One recorded rollout under one curve: ratios, rows of the replay table and critical scales; and how targets are met."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from sspo.config import ClipConfig, SegmentationConfig
from sspo.recording.ratios import VisitRatios, critical_of_matched, seen_by, visit_ratios
from sspo.recording.recorded import RecordedRollout
from sspo.replay.matching import Matched, match, units
from sspo.replay.request import EVEN, Curve, matchable
from sspo.replay.rows import Chunk
from sspo.replay.source import RecordedRun
from sspo.replay.tally import distribution, tally
from sspo.segmentation import segment, segmentation_seed


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


def critical_scales(ratios: VisitRatios, shape: ClipConfig) -> torch.Tensor:
    """Critical scales of the rollout's matched tokens, in multiples of a curve's shape."""
    shaped = replace(ratios, low_NT=ratios.low_NT * shape.low, high_NT=ratios.high_NT * shape.high)
    return critical_of_matched(shaped)


Critical = list[list[tuple[int, torch.Tensor]]]
"""For each curve, (number of the run, critical scales of the matched tokens) of every rollout."""


def match_targets(
    chosen: Sequence[Curve], critical: Critical, targets: Sequence[float]
) -> list[tuple[int, float, Matched | None]]:
    """(index of the curve, target, its match) of every pair; None where no bounds of the curve meet the target."""
    return [
        (i, target, match(units(of_curve), target) if matchable(curve) else None)
        for i, (curve, of_curve) in enumerate(zip(chosen, critical, strict=True))
        for target in targets
    ]


def at_scales(curve: Curve, scales: Sequence[float]) -> Curve:
    """The curve at multiples of its shape."""
    return replace(
        curve,
        low_K=tuple(curve.shape.low * scale for scale in scales),
        high_K=tuple(curve.shape.high * scale for scale in scales),
    )


def rows_of(
    number: int,
    recorded: RecordedRollout,
    curve: Curve,
    ratios: VisitRatios,
    target: float | Sequence[float] = math.nan,
) -> Chunk:
    """Rows of the table: the rollout, of the run with that number, at the curve's bounds; `target` what they were matched to."""
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
        "rule": curve.label,
        "ratio": curve.objective.ratio,
        "adapt": curve.objective.bounds.adapt,
        "alpha": curve.objective.bounds.alpha,
        "low": curve.low_K,
        "high": curve.high_K,
        "target": target,
        "grad_noise": math.nan,
    }
    columns = {**index, **counts, **distribution(ratios)}
    return Chunk(updates=updates, points=len(curve.low_K), columns=columns)
