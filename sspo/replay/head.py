"""replay.json: which runs were replayed, what was asked, and the bounds that meet each target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sspo.replay.evaluate import at_scales
from sspo.replay.exact import Agreement
from sspo.replay.matching import Matched
from sspo.replay.request import Curve
from sspo.replay.source import RecordedRun
from sspo.runs.revision import code_hash


def describe_runs(runs: Sequence[RecordedRun], agreements: Sequence[Agreement]) -> list[dict[str, Any]]:
    """Identity and provenance of each run, and how well its own objective reproduced its logs."""
    return [
        {
            **run.describe(),
            "rollouts": list(agreement.rollouts),
            "steps": agreement.steps,
            "reproduced": agreement.holds,
            "largest_difference": agreement.difference if math.isfinite(agreement.difference) else None,
        }
        for run, agreement in zip(runs, agreements, strict=True)
    ]


def describe_curves(curves: Sequence[Curve]) -> dict[str, Any]:
    """What was replayed, under which code, and what the labels of rules stand for."""
    segmentations = {curve.label: curve.segmentation for curve in curves}
    return {
        "code_sha256": code_hash(),
        "objective": asdict(curves[0].objective),
        "rules": list(segmentations),
        "segmentation": {label: asdict(rule) for label, rule in segmentations.items()},
    }


def matched_record(curve: Curve, target: float, found: Matched | None) -> Mapping[str, Any]:
    """The bounds that meet a target; null where none do."""
    record: dict[str, Any] = {
        "objective": curve.objective.name,
        "rule": curve.label,
        "target": target,
        "low": None,
        "high": None,
        "low_interval": [None, None],
        "held_out": None,
        "held_out_se": None,
    }
    if found is None:
        return record
    point = at_scales(curve, [found.scale])
    ends = [None if end is None else curve.shape.low * end for end in (found.low, found.high)]
    record |= {"low": point.low_K[0], "high": point.high_K[0], "low_interval": ends}
    if found.held_out is not None:
        record |= {"held_out": found.held_out.value, "held_out_se": found.held_out.se}
    return record
