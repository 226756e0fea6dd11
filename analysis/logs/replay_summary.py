"""replay.json: the replayed runs, and the bounds at which every rule clips the same share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.manifest import one_line
from sspo.config.json_file import read_json
from sspo.errors import UserError

FORMAT = 1
AGAIN = "run the replay again"


@dataclass(frozen=True, kw_only=True)
class ReplayedRun:
    """A run whose recorded rollouts were evaluated again."""

    arm: str
    seed: int
    cell: str
    rollouts: int
    """Number of its recorded rollouts."""
    revision: str
    code_sha256: str
    state: str
    """`done`, or the run's state when it was replayed."""
    reproduced: bool
    """Whether the replay of the run's own objective reproduces the metrics that the run logged."""
    largest_difference: float | None
    """Largest difference between logged and replayed metrics, relative above 1; None if one of them is missing."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """The bounds at which a rule clips the target share of tokens with A != 0, all replayed runs pooled."""

    objective: str
    rule: str
    target: float
    low: float
    high: float
    low_interval: tuple[float | None, float | None]
    """95 % interval over runs, or over recorded rollouts of the only run; an end is None if it lies beyond every token."""
    held_out: float | None
    """The share that bounds calibrated on every second run (rollout of the only run) clip on the others."""
    held_out_se: float | None


@dataclass(frozen=True, kw_only=True)
class ReplaySummary:
    """The summary of a replay."""

    runs: tuple[ReplayedRun, ...]
    rules: tuple[str, ...]
    targets: tuple[float, ...]
    clip: str | None
    """The requested grid of bounds; None if there was none."""
    matched: tuple[Match, ...]
    """Matched bounds; targets that no bounds reach are left out."""
    sub_batches: int | None
    """Parts of a rollout over which gradient noise was measured; None if it was not."""


def read_summary(path: Path) -> ReplaySummary:
    """Read the summary of a replay.json. Raises UserError if it has another format or is damaged."""
    content = read_json(path, AGAIN)
    given = content.get("format") if isinstance(content, dict) else None
    if given != FORMAT:
        raise UserError(f"{path} has format {given!r}, this version reads {FORMAT}: {AGAIN}")
    try:
        return ReplaySummary(
            runs=tuple(_run(run) for run in content["runs"]),
            rules=tuple(one_line(rule) for rule in content["rules"]),
            targets=tuple(_number(target) for target in content["targets"]),
            clip=None if content["clip"] is None else one_line(content["clip"]),
            matched=tuple(_match(match) for match in content["matched"] if match["low"] is not None),
            sub_batches=None if content["sub_batches"] is None else int(content["sub_batches"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} lacks a usable {one_line(error)}: {AGAIN}") from error


def _run(run: Mapping[str, Any]) -> ReplayedRun:
    return ReplayedRun(
        arm=one_line(run["arm"]),
        seed=int(run["seed"]),
        cell=one_line(run["cell"]),
        rollouts=len(run["rollouts"]),
        revision=one_line(run.get("git_revision") or "no revision"),
        code_sha256=one_line(run.get("code_sha256") or "no hash"),
        state=one_line(run["state"]),
        reproduced=bool(run["reproduced"]),
        largest_difference=None if (worst := run.get("largest_difference")) is None else float(worst),
    )


def _match(match: Mapping[str, Any]) -> Match:
    least, most = match["low_interval"]
    return Match(
        objective=one_line(match["objective"]),
        rule=one_line(match["rule"]),
        target=_number(match["target"]),
        low=_number(match["low"]),
        high=_number(match["high"]),
        low_interval=(_optional(least), _optional(most)),
        held_out=_optional(match.get("held_out")),
        held_out_se=_optional(match.get("held_out_se")),
    )


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"number (got {value})")
    return number


def _optional(value: Any) -> float | None:
    return None if value is None else _number(value)
