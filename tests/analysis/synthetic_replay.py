"""A small replay folder, written by the product's own writer, with counts that can be summed in the head."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sspo.replay.law.record import law_record
from sspo.replay.table import SCHEMA, with_fractions, write_replay
from tests.replay.law_data import rollout

ACTIVE = {(0, 1): 1000, (0, 3): 500, (1, 1): 500, (1, 3): 500}
"""Tokens with A != 0 by run and rollout, the same on both updates."""
CLIPPED = {(0, 1): (20, 10), (0, 3): (0, 0), (1, 1): (10, 10), (1, 3): (0, 10)}
"""Clipped low and high on the second update, under token ratios at the matched bound: 30 of 1500 and 30 of 1000."""
TARGET = 0.024
"""60 of 2500: what the matched bounds clip with both runs pooled."""
GRID = {0.1: 4, 0.2: 2, 0.4: 0}
"""Bounds of the grid, and how many times as much they clip as the matched one."""
MATCHED = 0.3
RULES = {"token": (1.0, 1), "response": (0.1, 2)}
"""What a rule multiplies bounds by, and clipped tokens."""
NOISE = {0: 4.0, 1: 6.0}


def replay_rows(objective: str = "sspo") -> pd.DataFrame:
    """Two runs of two recorded rollouts with two updates, under two rules, on a grid and at one matched target."""
    points = [(rule, bound, times, None) for rule in RULES for bound, times in GRID.items()]
    points += [(rule, MATCHED, 1, TARGET) for rule in RULES]
    return pd.DataFrame(
        [
            _row(objective, run, rollout, update, *point)
            for run, rollout in ACTIVE
            for update in (0, 1)
            for point in points
        ]
    )


def _row(
    objective: str,
    run: int,
    rollout: int,
    update: int,
    rule: str,
    bound: float,
    times: int,
    target: float | None,
) -> dict[str, Any]:
    narrow, more = RULES[rule]
    active = ACTIVE[run, rollout]
    low, high = (update * times * more * tokens for tokens in CLIPPED[run, rollout])
    measured = target is not None and rollout == 3 and update == 1
    return {
        "run": run,
        "rollout": rollout,
        "step": 2 * rollout + update + 1,
        "update": update,
        "objective": objective,
        "rule": rule,
        "ratio": "segment",
        "adapt": "none",
        "alpha": 0.0,
        "low": narrow * bound,
        "high": narrow * bound,
        "target": target,
        "tokens": 1000.0,
        "active_tokens": float(active),
        "responses": 20.0,
        "segments": 200.0,
        "clipped_low": float(low),
        "clipped_high": float(high),
        "segment_share": 0.0,
        "response_share": 0.0,
        "extreme_tokens": 30.0 * update,
        "extreme_retained_tokens": 15.0 * update,
        "collateral_tokens": (low + high) / 2 if rule == "response" else 0.0,
        "advantage_mass": float(active),
        "advantage_mass_kept": float(active - low - high),
        "ratio_sum": 1000.0,
        "ratio_squares": 1040.0,
        "grad_noise": NOISE[run] if measured else None,
    }


def replay_head(cells: Sequence[str] = ("a" * 12, "b" * 12)) -> dict[str, Any]:
    """What a replay says of itself, without the format."""
    return {
        "runs": [
            {
                "cell": cell,
                "seed": run,
                "arm": "grpo",
                "objective": "grpo",
                "rollouts": [1, 3],
                "steps": 4,
                "git_revision": "d" * 40,
                "code_sha256": "e" * 64,
                "state": "done",
                "reproduced": True,
                "largest_difference": 2e-7,
            }
            for run, cell in enumerate(cells)
        ],
        "objective": {"name": "sspo"},
        "rules": list(RULES),
        "targets": [TARGET],
        "clip": "0.1,0.2,0.4",
        "matched": [_match(rule) for rule in RULES],
        "sub_batches": 16,
    }


def _match(rule: str) -> dict[str, Any]:
    bound = RULES[rule][0] * MATCHED
    return {
        "objective": "sspo",
        "rule": rule,
        "target": TARGET,
        "low": bound,
        "high": bound,
        "low_interval": [0.9 * bound, 1.1 * bound],
        "held_out": 0.021,
        "held_out_se": 0.003,
    }


@functools.cache
def law(runs: int = 2) -> dict[str, Any]:
    """The law as the product records it, of runs with two rollouts: b is 1 under token and 2 under response."""
    rng = np.random.default_rng(41)
    return law_record(
        {
            rule: [(number, rollout(rng, b, 0.5, units=400)) for number in range(runs) for _ in range(2)]
            for rule, b in zip(RULES, (1, 2), strict=True)
        }
    )


def write_toy_replay(
    folder: Path,
    rows: pd.DataFrame | None = None,
    head: dict[str, Any] | None = None,
    change: Callable[[dict[str, Any]], Any] = lambda head: None,
) -> Path:
    """The folder with both files; `change` edits the head in place."""
    rows = replay_rows() if rows is None else rows
    quantiles = {name: 1.0 for name in SCHEMA.names if name.startswith("ratio_") and name not in rows}
    head = replay_head() if head is None else head
    change(head)
    columns = rows.assign(**quantiles)
    columns[["target", "grad_noise"]] = columns[["target", "grad_noise"]].astype(float)
    write_replay(folder, with_fractions({name: columns[name].to_numpy() for name in columns}), head)
    return folder
