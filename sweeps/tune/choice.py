"""The point that each arm is confirmed at: the best of a smooth fit over its scored trials, whose noise is that of all arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.statistics.tuning.choice import choose
from analysis.statistics.tuning.space import space_of
from analysis.statistics.tuning.surface import fit, pooled_noise
from sspo.errors import UserError
from sspo.runs.identity import cell_folder
from sweeps.ledger.score import primary_score
from sweeps.plan.plan import Plan
from sweeps.plan.tuned import COMPLETE, ChosenPoint, PilotTrial, TunedArm, Tuning
from sweeps.search.cells import cell_at, point_words
from sweeps.search.spec import Search
from sweeps.study.spec import Primary


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The scored points of an arm, each cell once, with the scores of its seeds."""

    points: Sequence[Mapping[str, str | int | float | bool | None]]
    scores: Sequence[Sequence[float]]


def chosen_points(plan: Plan, searches: Mapping[str, Search], tuning: Tuning) -> dict[str, ChosenPoint]:
    """Return the point of every arm. The same runs give the same points.

    Raises UserError that names an arm without a scored trial, and one whose best point is refused.
    """
    tune = plan.study.tuning(plan.preset)
    assert tune is not None, "the study tunes nothing"
    seeds, primary = tune.head.seeds, plan.study.head.primary
    scored = {name: _scored(arm, seeds, plan.store, primary) for name, arm in tuning.arms.items()}
    for name, found in scored.items():
        if not found.points:
            raise UserError(
                f"the tuning of arm '{name}' of {plan.title()} has no scored trial, so that no point can be chosen{_why(tuning.arms[name])}; "
                "run with --retry-failed (make: RETRY=1) to try its failed trials again"
            )
    noise = pooled_noise([scores for found in scored.values() for scores in found.scores])
    return {
        name: _chosen(searches[name], plan.preset, arm, scored[name], noise)
        for name, arm in tuning.arms.items()
    }


def _scored(arm: TunedArm, seeds: Sequence[int], store: Path, primary: Primary) -> Scored:
    first: dict[str, PilotTrial] = {}
    for trial in arm.trials:
        if trial.state == COMPLETE:
            first.setdefault(trial.cell, trial)
    scores = [[_score(store, trial, seed, primary) for seed in seeds] for trial in first.values()]
    return Scored(points=[trial.point for trial in first.values()], scores=scores)


def _score(store: Path, trial: PilotTrial, seed: int, primary: Primary) -> float:
    folder = cell_folder(store, trial.cell, seed, trial.level)
    score = primary_score(folder, primary)
    if score is None:
        raise UserError(
            f"{folder}, a scored run of the tuning, is gone or has no final answers: restore it (`sweeps restore`), or delete the record and "
            f"the journal of this study in {store / 'tunings'} to tune again"
        )
    return score


def _chosen(search: Search, preset: str, arm: TunedArm, scored: Scored, noise: float | None) -> ChosenPoint:
    options = space_of(arm.space)
    surface = fit(options, scored.points, scored.scores, noise=noise)
    best = choose(options, surface, extra=() if arm.default is None else (arm.default,))
    try:
        cell_at(search, preset, best.point)
    except UserError as error:
        raise UserError(f"{search.name}, at the point that its trials suggest: {error}") from error
    return ChosenPoint(
        point=best.point,
        overrides=point_words(search, preset, best.point),
        mean=best.mean,
        sd=best.sd,
        edges=best.edges,
    )


def _why(arm: TunedArm) -> str:
    reasons = [trial.reason for trial in arm.trials if trial.reason]
    return f" ({reasons[-1]})" if reasons else ""
