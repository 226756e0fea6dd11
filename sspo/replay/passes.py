"""Looks at all recorded rollouts: each is read and evaluated by one of several processes, one rollout at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from numpy.typing import NDArray

from sspo.console.progress import Counter
from sspo.processes import ordered_map
from sspo.recording.recorded import RecordedRollout
from sspo.replay.evaluate import Critical, at_scales, critical_scales, rows_of, unit_ratios
from sspo.replay.exact import Agreement, agreement, pooled
from sspo.replay.matching import Matched
from sspo.replay.request import Curve, Request, curves
from sspo.replay.rows import Chunk
from sspo.replay.source import RecordedRun

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the first look gives."""

    agreements: tuple[Agreement, ...]
    """How each run's own objective reproduces its logs."""
    critical: Critical
    chunks: tuple[Chunk, ...]
    """The grid's rows by run, rollout and curve; none where they were not wanted."""


def survey(
    runs: Sequence[RecordedRun], request: Request, processes: int, name: str, *, with_rows: bool = True
) -> Survey:
    """Evaluate every rollout under its run's own objective and under every curve; `name` is what is counted meanwhile.

    Raises UserError where a log or a recording cannot be read whole.
    """
    logged = [run.logged_steps() for run in runs]

    def look(
        number: int, recorded: RecordedRollout, own: Sequence[Curve]
    ) -> tuple[Agreement, list[NDArray], list[Chunk]]:
        run, critical, chunks = runs[number], [], []
        for curve in own:
            ratios = unit_ratios(run, recorded, curve)
            critical.append(critical_scales(ratios, curve.shape).numpy())
            if with_rows:
                chunks.append(rows_of(number, recorded, curve, ratios))
        return agreement(recorded, run.config, logged[number]), critical, chunks

    seen = _each_rollout(runs, request, look, processes, name)
    curve_count = len(seen[0][1][1])
    return Survey(
        agreements=tuple(
            pooled([own for of, (own, _, _) in seen if of == number]) for number in range(len(runs))
        ),
        critical=[
            [(number, torch.from_numpy(critical[i])) for number, (_, critical, _) in seen]
            for i in range(curve_count)
        ],
        chunks=tuple(chunk for _, (_, _, chunks) in seen for chunk in chunks),
    )


def matched_rows(
    runs: Sequence[RecordedRun],
    request: Request,
    matched: Sequence[tuple[int, float, Matched]],
    processes: int,
) -> tuple[Chunk, ...]:
    """Rows of the matched points, (index of the curve, target, its match), of every rollout."""

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
    """(number of the run, what `look` gives of it, one of its rollouts and the curves there) by run and rollout."""
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
