"""The point that each arm is confirmed at: the best of a smooth fit over its scored trials, whose noise is that of all arms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from analysis.statistics.tuning.choice import choose
from analysis.statistics.tuning.space import space_of
from analysis.statistics.tuning.surface import fit, pooled_noise
from sspo.errors import UserError
from sweeps.ledger.score import primary_score
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.tuned import COMPLETE, ChosenPoint, PilotTrial, TunedArm, tunings_folder
from sweeps.search.cells import cell_at, point_words
from sweeps.search.spec import Search
from sweeps.study.spec import Primary


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The scored points of an arm, each cell once, with the scores of its seeds."""

    points: Sequence[Mapping[str, str | int | float | bool | None]]
    scores: Sequence[Sequence[float]]


def chosen_points(plan: Plan, searches: Mapping[str, Search]) -> dict[str, ChosenPoint]:
    """Return the point of every arm of a plan whose trials are all settled. The same runs give the same points.

    Raises UserError that names an arm without a scored trial, and one whose best point is refused.
    """
    tuning, primary = plan.tuning, plan.study.head.primary
    assert tuning is not None, "nothing was tuned"
    runs: dict[str, list[Trial]] = {}
    for run in plan.pilot_trials():
        runs.setdefault(run.cell, []).append(run)
    scored = {name: _scored(arm, runs, primary) for name, arm in tuning.arms.items()}
    for name in scored:
        _refuse_unscored(plan, name, tuning.arms[name])
    noise = pooled_noise([scores for found in scored.values() for scores in found.scores])
    return {
        name: _chosen(searches[name], plan.preset, arm, scored[name], noise)
        for name, arm in tuning.arms.items()
    }


def _refuse_unscored(plan: Plan, name: str, arm: TunedArm) -> None:
    if not any(trial.state == COMPLETE for trial in arm.trials):
        raise UserError(
            f"the tuning of arm '{name}' of {plan.title()} has no scored trial, so that no point can be chosen{_why(arm)}; run with "
            "--retry-failed (make: RETRY=1) to try its failed trials again"
        )


def _scored(arm: TunedArm, runs: Mapping[str, Sequence[Trial]], primary: Primary) -> Scored:
    first: dict[str, PilotTrial] = {}
    for trial in arm.trials:
        if trial.state == COMPLETE:
            first.setdefault(trial.cell, trial)
    scores = [[_score(run, primary) for run in runs[cell]] for cell in first]
    return Scored(points=[trial.point for trial in first.values()], scores=scores)


def _score(run: Trial, primary: Primary) -> float:
    score = primary_score(run.folder, primary)
    if score is None:
        raise UserError(
            f"{run.folder}, a scored run of the tuning, is gone or has no final answers: restore it (`sweeps restore`), or delete the record "
            f"and the journal of this study in {tunings_folder(run.store)} to tune again"
        )
    return score


def _chosen(search: Search, preset: str, arm: TunedArm, scored: Scored, noise: float | None) -> ChosenPoint:
    options = space_of(arm.space)
    if not options:
        return _untuned(scored, noise)
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


def _untuned(scored: Scored, noise: float | None) -> ChosenPoint:
    """Return the default of an arm with nothing to tune, with the mean of its runs."""
    (scores,) = scored.scores
    sd = 0.0 if noise is None else noise / math.sqrt(len(scores))
    return ChosenPoint(point={}, overrides=(), mean=fmean(scores), sd=sd)


def _why(arm: TunedArm) -> str:
    reasons = [trial.reason for trial in arm.trials if trial.reason]
    return f" ({reasons[-1]})" if reasons else ""
