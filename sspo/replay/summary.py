"""The results of a replay: replay.json and the printed summary."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sspo.replay.evaluate import at_scales
from sspo.replay.fidelity import Agreement
from sspo.replay.matching import Matched
from sspo.replay.request import Curve
from sspo.replay.source import RecordedRun
from sspo.replay.table import with_fractions_pooled
from sspo.runs.revision import code_hash

SHOWN = 9
"""Points of a curve that are printed; the table has all of them."""
PLAIN_WIDTH = 150
COLUMNS = {
    "clip %": "clip_frac_active",
    "low %": "clip_frac_active_low",
    "high %": "clip_frac_active_high",
    "retained %": "extreme_retained_frac",
    "collateral %": "collateral_clip_frac",
    "signal kept %": "signal_kept",
}


def console() -> Console:
    """Return the terminal's console, or one for plain lines of a fixed width."""
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH, highlight=False)


def print_summary(out: Console, table: pa.Table) -> None:
    """Print results pooled over runs and rollouts, over updates from the second on; tokens with A != 0."""
    view = Table(
        title="updates from the second on, clip % of tokens with A != 0, pooled over rollouts",
        title_justify="left",
    )
    for name in ("objective", "rule", "low", "high", "target %", *COLUMNS, "gradient noise"):
        view.add_column(name, justify="left" if name in ("objective", "rule") else "right")
    last = None
    for row in _thinned(with_fractions_pooled(table)):
        curve = (row["objective"], row["rule"])
        view.add_section() if last not in (None, curve) else None
        last = curve
        shares = [_percent(row[key]) for key in COLUMNS.values()]
        noise = "–" if row["grad_noise"] is None else f"{row['grad_noise']:.2f}"
        view.add_row(
            *map(escape, curve),
            f"{row['low']:.3g}",
            f"{row['high']:.3g}",
            _percent(row["target"]),
            *shares,
            noise,
        )
    out.print(view)


def _thinned(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield all matched points, and a few of the grid of each curve."""
    curves: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        curves.setdefault((row["objective"], row["rule"]), []).append(row)
    for points in curves.values():
        grid = [point for point in points if point["target"] is None]
        yield from grid[:: math.ceil(len(grid) / SHOWN) or 1]
        yield from (point for point in points if point["target"] is not None)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.3g}"


def describe_runs(runs: Sequence[RecordedRun], agreements: Sequence[Agreement]) -> list[dict[str, Any]]:
    """Return identity and provenance of each run, and how well its own objective reproduced its logs."""
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
    """Return the replayed curves, the code that replayed them, and the rules behind the labels."""
    segmentations = {curve.label: curve.segmentation for curve in curves}
    return {
        "code_sha256": code_hash(),
        "objective": asdict(curves[0].objective),
        "rules": list(segmentations),
        "segmentation": {label: asdict(rule) for label, rule in segmentations.items()},
    }


def matched_record(curve: Curve, target: float, found: Matched | None) -> Mapping[str, Any]:
    """Return the bounds that meet a target; null if none do."""
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
