"""replay.json: the replayed runs, the bounds at which every rule clips the same share, and the law of entropy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.manifest import one_line
from sspo.config.json_file import read_json
from sspo.errors import UserError
from sspo.metrics.law import ESTIMATES, GAINS

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
class Estimate:
    """A mean over runs (rollouts of the only run) with its 95 % interval; None where nothing determines it."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class EntropyBin:
    """Units of a run in a range of entropy: their mean entropy and mean squared log-ratio."""

    place: int
    """k holds floor 2^k to floor 2^(k + 1); the lowest also holds everything below it."""
    units: int
    entropy: float
    square: float


@dataclass(frozen=True, kw_only=True)
class LawOfRun:
    """The law in one run: its own exponent, the center through which its power law goes, and its bins."""

    run: int
    exponent: float | None
    center: tuple[float, float] | None
    """Entropy and squared log-ratio."""
    bins: tuple[EntropyBin, ...]


@dataclass(frozen=True, kw_only=True)
class LawOfRule:
    """The law under one segmentation rule: E[D^2 | H, n] = a H^b n^-c."""

    rule: str
    units: int
    """Segments of all runs, on updates from the second of a rollout on."""
    below: float
    """Share of them whose entropy is below the floor."""
    below_squares: float
    """Share of the sum of D^2 that these have."""
    estimates: Mapping[str, Estimate]
    """By the names of ESTIMATES."""
    gain: Mapping[str, Estimate]
    """By model of GAINS: how much lower its held-out deviance is than that of a fixed bound, per segment."""
    plausible: tuple[str, ...]
    """The shape of a bound that fits best, and those that cannot be told from it: all of fixed, sqrt and linear if nothing
    is known.
    """
    runs: tuple[LawOfRun, ...]


@dataclass(frozen=True, kw_only=True)
class Law:
    """The law of entropy under every rule."""

    floor: float
    unit: str
    """Intervals are over these: runs, or the rollouts of the only run."""
    rules: tuple[LawOfRule, ...]
    verdict: str


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
    law: Law | None = None
    """None if it was not asked for."""


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
            law=None if content.get("law") is None else _law(content["law"]),
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


def _law(law: Mapping[str, Any]) -> Law:
    return Law(
        floor=_number(law["floor"]),
        unit=one_line(law["unit"]),
        rules=tuple(_law_of_rule(row) for row in law["rules"]),
        verdict=one_line(law["verdict"]),
    )


def _law_of_rule(row: Mapping[str, Any]) -> LawOfRule:
    return LawOfRule(
        rule=one_line(row["rule"]),
        units=int(row["units"]),
        below=_number(row["below"]),
        below_squares=_number(row["below_squares"]),
        estimates={name: _estimate(row[name]) for name in ESTIMATES},
        gain={name: _estimate(row["gain"][name]) for name in GAINS},
        plausible=tuple(one_line(shape) for shape in row["plausible"]),
        runs=tuple(_law_of_run(run) for run in row["runs"]),
    )


def _law_of_run(run: Mapping[str, Any]) -> LawOfRun:
    center = run["center"]
    return LawOfRun(
        run=int(run["run"]),
        exponent=_optional(run["exponent"]),
        center=None if center is None else (_number(center[0]), _number(center[1])),
        bins=tuple(
            EntropyBin(
                place=int(one["bin"]),
                units=int(one["units"]),
                entropy=_number(one["entropy"]),
                square=_number(one["square"]),
            )
            for one in run["bins"]
        ),
    )


def _estimate(estimate: Mapping[str, Any]) -> Estimate:
    return Estimate(**{name: _optional(estimate[name]) for name in ("value", "low", "high")})


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"number (got {value})")
    return number


def _optional(value: Any) -> float | None:
    return None if value is None else _number(value)
