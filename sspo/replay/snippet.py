"""Calibrated bounds as arms that a study in conf/study/ can include."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sspo.compose.fast import quick_compose
from sspo.config import SegmentationConfig
from sspo.errors import UserError
from sspo.objective.variants import VARIANTS
from sspo.replay.evaluate import at_scales
from sspo.replay.matching import Matched
from sspo.replay.request import Curve, as_overrides

DIGITS = 4
COARSE, POINT = 0.005, 0.01
"""Differences of a share from its target that are named: of the pooled one, and on held-out rollouts."""
PLAIN, NO_NAME = re.compile(r"[a-z][\w .,%=()-]*"), re.compile(r"[^a-z0-9_]+")
CONTROLLER = ("target_clip_frac", "target_control", "target_gain", "target_range")
"""Controller options, which calibrated arms do not set: their bounds are fixed."""


def snippet(found: Sequence[tuple[Curve, Matched]], target: float, runs: str) -> str:
    """Return YAML of an `arms:` section; comments give each bound's interval and its clip fraction on held-out
    rollouts.
    """
    lines = [
        f"# Bounds that clip {100 * target:g} % of the matched tokens (A != 0, second update of a rollout and later),",
        f"# determined from recorded rollouts of {runs}.",
        "# Training under them drifts differently: the report compares the realized rate with target_clip_frac.",
        "arms:",
    ]
    for curve, matched in found:
        label = f"{curve.label}, {100 * target:g} % clipped"
        lines += [
            f"  {_name(curve.label)}_at_{_name(f'{100 * target:g}')}:  # {_remarks(curve, matched, target)}",
            f"    label: {label if PLAIN.fullmatch(label) else json.dumps(label)}",
            f"    target_clip_frac: {target:g}",
            f"    overrides: [{', '.join(_overrides(curve, matched))}]",
        ]
    return "\n".join(lines) + "\n"


def check_arm(curve: Curve, matched: Matched) -> None:
    """Raise UserError if training would refuse the calibrated bounds."""
    try:
        quick_compose(_overrides(curve, matched))
    except UserError as error:
        raise UserError(
            f"rule '{curve.label}' meets the target only at bounds that training refuses: {error}"
        ) from error


def _overrides(curve: Curve, matched: Matched) -> list[str]:
    """Return the overrides of the arm."""
    point = at_scales(curve, [matched.scale])
    bounds = {"low": point.low_K[0], "high": point.high_K[0]}
    rule = curve.segmentation.rule
    named = VARIANTS[curve.objective.name]
    objective = _changed(asdict(curve.objective), asdict(named))
    segmentation = _changed(asdict(curve.segmentation), asdict(SegmentationConfig(rule=rule)))
    objective.pop("clip", None)
    for key in CONTROLLER:
        objective.get("bounds", {}).pop(key, None)
    return [
        f"objective={named.name}",
        f"segmentation={rule}",
        *as_overrides({"objective": objective, "segmentation": segmentation}),
        *(f"objective.clip.{side}={value:.{DIGITS}g}" for side, value in bounds.items()),
    ]


def _changed(values: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested options that differ from a default."""
    changed: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            inner = _changed(value, default[key])
            changed |= {key: inner} if inner else {}
        elif value != default[key]:
            changed[key] = value
    return changed


def _name(text: str) -> str:
    return NO_NAME.sub("_", text.lower()).strip("_")


def _remarks(curve: Curve, matched: Matched, target: float) -> str:
    """Return the precision of an arm's bounds, and whether recorded rollouts miss the target under them."""
    remarks = [_interval(curve, matched), _held_out(matched)]
    if abs(matched.reached - target) > COARSE:
        remarks.append(
            f"the nearest boundary between segments clips {100 * matched.reached:.3g} % of the tokens, not {100 * target:g} %"
        )
    if matched.held_out is not None and abs(matched.held_out.value - target) > POINT:
        remarks.append("more than one percentage point away from the target")
    return "; ".join(remarks)


def _interval(curve: Curve, matched: Matched) -> str:
    if matched.low is None or matched.high is None:
        return "no interval"
    low, high = (curve.shape.low * end for end in (matched.low, matched.high))
    return f"low in [{low:.{DIGITS}g}, {high:.{DIGITS}g}]"


def _held_out(matched: Matched) -> str:
    found = matched.held_out
    if found is None:
        return "too few rollouts to hold any out"
    return f"{100 * found.value:.3g} ± {100 * (found.se or 0):.2g} % on held-out rollouts"
