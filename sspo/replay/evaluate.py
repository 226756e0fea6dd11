"""Recorded rollouts under curves of bounds: one rollout at a time, shared by several processes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from sspo.config import ClipConfig, SegmentationConfig
from sspo.console.progress import Counter
from sspo.processes import ordered_map
from sspo.recording.ratios import VisitRatios, critical_of_matched, seen_by, visit_ratios
from sspo.recording.recorded import RecordedRollout
from sspo.replay.fidelity import Agreement, agreement, pooled
from sspo.replay.law.cells import Cells, cells_of
from sspo.replay.matching import Matched, match, units
from sspo.replay.request import EVEN, Curve, Request, curves, matchable
from sspo.replay.source import RecordedRun
from sspo.replay.table import Chunk
from sspo.replay.tally import distribution, tally
from sspo.segmentation import segment, segmentation_seed


def segment_ids(run: RecordedRun, recorded: RecordedRollout, rule: SegmentationConfig) -> torch.Tensor:
    """Return segment_id_BT of a recorded rollout under a rule; random cuts are those that the run itself would have
    drawn.
    """
    batch = recorded.batch
    seed = segmentation_seed(run.config.seed, recorded.number)
    return segment(
        batch.response_BT, batch.mask_BT, rule, run.tokenizer, entropy_BT=batch.entropy_BT, seed=seed
    )


def unit_ratios(run: RecordedRun, recorded: RecordedRollout, curve: Curve) -> VisitRatios:
    """Return the ratios of every visit under the curve's objective and rule, with bounds of 1 before entropy, or the
    proportion of the curve's two bounds, shapes them.
    """
    shaped = replace(curve.objective, clip=curve.shape)
    seen = seen_by(recorded, shaped, segment_ids(run, recorded, curve.segmentation), run.config.seed)
    return visit_ratios(seen, replace(curve.objective, clip=EVEN))


def critical_scales(ratios: VisitRatios, shape: ClipConfig) -> torch.Tensor:
    """Return critical scales of the rollout's matched tokens, in multiples of a curve's shape."""
    shaped = replace(ratios, low_NT=ratios.low_NT * shape.low, high_NT=ratios.high_NT * shape.high)
    return critical_of_matched(shaped)


Critical = list[list[tuple[int, torch.Tensor]]]
"""For each curve, (number of the run, critical scales of the matched tokens) of every rollout."""


def match_targets(
    chosen: Sequence[Curve], critical: Critical, targets: Sequence[float]
) -> list[tuple[int, float, Matched | None]]:
    """Return (index of the curve, target, its match) for every pair; the match is None if no bounds of the curve meet
    the target.
    """
    return [
        (i, target, match(units(of_curve), target) if matchable(curve) else None)
        for i, (curve, of_curve) in enumerate(zip(chosen, critical, strict=True))
        for target in targets
    ]


def at_scales(curve: Curve, scales: Sequence[float]) -> Curve:
    """Return the curve at multiples of its shape."""
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
    """Return rows of the table: the rollout, of the run with that number, at the curve's bounds; `target` is the one
    they match.
    """
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


T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Results of the first pass over the rollouts."""

    agreements: tuple[Agreement, ...]
    """Agreement of each run's own objective with its logs."""
    critical: Critical
    chunks: tuple[Chunk, ...]
    """The grid's rows by run, rollout and curve; empty unless requested."""
    laws: Mapping[str, Sequence[tuple[int, Cells]]]
    """By rule: (number of the run, cells of one of its rollouts); empty unless requested."""


def survey(
    runs: Sequence[RecordedRun],
    request: Request,
    processes: int,
    name: str,
    *,
    with_rows: bool = True,
    with_law: bool = False,
) -> Survey:
    """Evaluate every rollout under its run's own objective and under every curve; `name` labels the progress counter.

    Raises UserError if a log or a recording cannot be read completely.
    """
    logged = [run.logged_steps() for run in runs]

    def look(
        number: int, recorded: RecordedRollout, own: Sequence[Curve]
    ) -> tuple[Agreement, list[NDArray], list[Chunk], dict[str, Cells]]:
        run, critical, chunks, laws = runs[number], [], [], {}
        for curve in own:
            ratios = unit_ratios(run, recorded, curve)
            critical.append(critical_scales(ratios, curve.shape).numpy())
            if with_rows:
                chunks.append(rows_of(number, recorded, curve, ratios))
            if with_law and curve.label not in laws:  # the law depends on the rule alone
                laws[curve.label] = cells_of(ratios, recorded.batch.entropy_BT[recorded.visits.row_N])
        return agreement(recorded, run.config, logged[number]), critical, chunks, laws

    seen = _each_rollout(runs, request, look, processes, name)
    curve_count = len(seen[0][1][1])
    return Survey(
        agreements=tuple(
            pooled([own for of, (own, *_) in seen if of == number]) for number in range(len(runs))
        ),
        critical=[
            [(number, torch.from_numpy(critical[i])) for number, (_, critical, *_) in seen]
            for i in range(curve_count)
        ],
        chunks=tuple(chunk for _, (_, _, chunks, _) in seen for chunk in chunks),
        laws={rule: [(number, laws[rule]) for number, (*_, laws) in seen] for rule in seen[0][1][3]},
    )


def matched_rows(
    runs: Sequence[RecordedRun],
    request: Request,
    matched: Sequence[tuple[int, float, Matched]],
    processes: int,
) -> tuple[Chunk, ...]:
    """Return rows of the matched points, (index of the curve, target, its match), of every rollout."""

    def look(number: int, recorded: RecordedRollout, own: Sequence[Curve]) -> list[Chunk]:
        chunks = []
        for i, curve in enumerate(own):
            mine = [(target, found.scale) for j, target, found in matched if j == i]
            if mine:
                targets, scales = zip(*mine, strict=True)
                ratios = unit_ratios(runs[number], recorded, curve)
                chunks.append(rows_of(number, recorded, at_scales(curve, scales), ratios, targets))
        return chunks

    seen = _each_rollout(runs, request, look, processes, "rollouts at matched bounds") if matched else []
    return tuple(chunk for _, chunks in seen for chunk in chunks)


def _each_rollout(
    runs: Sequence[RecordedRun],
    request: Request,
    look: Callable[[int, RecordedRollout, Sequence[Curve]], T],
    processes: int,
    name: str,
) -> list[tuple[int, T]]:
    """Return (number of the run, result of `look` for it, one of its rollouts and the curves there) by run and rollout."""
    places = [(number, path) for number, run in enumerate(runs) for path in run.files]
    curves_of = functools.cache(lambda number, scale: curves(request, runs[number].config, scale))

    def at(place: int) -> tuple[int, T]:
        number, path = places[place]
        recorded = runs[number].read(path)
        return number, look(number, recorded, curves_of(number, recorded.clip_scale))

    found = []
    with ordered_map(at, len(places), processes) as results, Counter(name, len(places)) as tick:
        for result in results:
            found.append(result)
            tick()
    return found
