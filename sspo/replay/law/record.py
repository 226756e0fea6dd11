"""The law of all rules, for replay.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sspo.errors import UserError
from sspo.metrics.law import ESTIMATES
from sspo.replay.law.cells import FLOOR, Cells, join
from sspo.replay.law.estimates import bins_of, estimates_of, over_units
from sspo.replay.law.shapes import gains, held_out, plausible_shapes
from sspo.replay.law.summary import verdict

Laws = Mapping[str, Sequence[tuple[int, Cells]]]
"""By rule: (number of the run, cells of one of its rollouts)."""


def law_record(found: Laws) -> dict[str, Any]:
    """Return the law under every rule. Raises UserError if no rollout has moved by a second update."""
    parts = [part for of_rule in found.values() for part in of_rule]
    if not any(cells.squares_K.any() for _, cells in parts):
        raise UserError(
            "--law: no log-ratio differs from 0: record runs with two or more optimizer steps per rollout, such as "
            "trainer.minibatch=32"
        )
    unit = "run" if len({number for number, _ in parts}) > 1 else "rollout"
    rules = [_rule(rule, of_rule) for rule, of_rule in found.items()]
    return {"floor": FLOOR, "unit": unit, "rules": rules, "verdict": verdict(rules, unit)}


def _rule(rule: str, parts: Sequence[tuple[int, Cells]]) -> dict[str, Any]:
    rollouts: dict[int, list[Cells]] = {}
    for number, cells in parts:
        if cells.squares_K.any():
            rollouts.setdefault(number, []).append(cells)
    runs = {number: join(cells) for number, cells in rollouts.items()}
    of_run = {number: estimates_of(cells) for number, cells in runs.items()}
    one = len({number for number, _ in parts}) == 1
    units = [cells for mine in rollouts.values() for cells in mine] if one else list(runs.values())
    values = [estimates_of(cells) for cells in units] if one else list(of_run.values())
    scores = held_out(units)
    return {
        "rule": rule,
        **_counts(list(runs.values())),
        **{name: over_units([mine[name] for mine in values]) for name in ESTIMATES},
        "gain": gains(scores),
        "plausible": list(plausible_shapes(scores)),
        "runs": [{"run": number, **of_run[number], **bins_of(cells)} for number, cells in runs.items()],
    }


def _counts(runs: Sequence[Cells]) -> dict[str, Any]:
    """Return the number of units, the share of them below FLOOR, and the share of the sum of D^2 that they have."""
    units = sum(float(cells.units_K.sum()) for cells in runs)
    squares = sum(float(cells.squares_K.sum()) for cells in runs)
    low_units = sum(float(cells.units_K[~cells.above_K].sum()) for cells in runs)
    low_squares = sum(float(cells.squares_K[~cells.above_K].sum()) for cells in runs)
    return {
        "units": int(units),
        "below": low_units / units if units else None,
        "below_squares": low_squares / squares if squares else None,
    }
