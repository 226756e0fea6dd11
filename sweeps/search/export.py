"""`sweeps export-optuna`: a finished study as an Optuna journal with one trial per arm, for use with Optuna's tools."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from analysis.statistics.intervals import t_interval
from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sspo.runs.identity import identity
from sweeps.ledger.score import curve, primary_score
from sweeps.ledger.state import standing
from sweeps.plan.arms import PlannedArm
from sweeps.plan.manifest import stem
from sweeps.plan.plan import Plan, Trial
from sweeps.search.storage import name_metric, open_storage

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ARM = "arm"
Factors = Mapping[str, Mapping[str, Any]]
"""Values of the options in which arms differ, by arm and option."""


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """An arm with the outcomes, scores and curves of its runs, by seed."""

    arm: PlannedArm
    outcomes: Mapping[int, str]
    scores: Mapping[int, float]
    curves: Sequence[Mapping[int, float]]


def export_study(plan: Plan, out: Path | None, console: Console) -> int:
    """Write the journal. Returns 0.

    Raises UserError if a run of the study is not over yet, or `out` exists (the default file is overwritten).
    """
    path = out or plan.store / "optuna" / f"{stem(plan)}.journal"
    if out is not None and out.exists():
        raise UserError(f"--out {out} exists; name a new file, or delete it")
    scored = [_scored(plan, arm) for arm in plan.arms]
    _require_finished(plan, scored)
    trials = [_trial(found, _factors(plan.arms), plan) for found in scored]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    storage = open_storage(temporary)
    try:
        _write(storage, plan, trials)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    text = f"{len(trials)} arms of {plan.title()} in {path}; view them with `make optuna-dashboard JOURNAL={path}`"
    console.print(Text(text), soft_wrap=True)
    return 0


def _write(storage: Any, plan: Plan, trials: Sequence[FrozenTrial]) -> None:
    import optuna

    study = optuna.create_study(storage=storage, study_name=stem(plan), direction="maximize")
    name_metric(study, asdict(plan.study.head.primary))
    study.set_user_attr("title", plan.study.head.title or plan.study.name)
    study.set_user_attr("question", plan.study.head.question)
    study.set_user_attr("baseline", plan.study.head.baseline)
    study.set_user_attr("spec_sha256", plan.study.sha256())
    study.add_trials(trials)


def _scored(plan: Plan, arm: PlannedArm) -> _Scored:
    runs = [trial for trial in plan.trials() if trial.arm == arm.name]
    outcomes = {run.seed: standing(run.folder).outcome for run in runs}
    counted: list[Trial] = [run for run in runs if outcomes[run.seed] in ("done", "diverged")]
    scores = {run.seed: primary_score(run.folder, plan.study.head.primary) for run in counted}
    return _Scored(
        arm=arm,
        outcomes=outcomes,
        scores={seed: score for seed, score in scores.items() if score is not None},
        curves=[curve(run.folder, over=True) for run in counted],
    )


def _require_finished(plan: Plan, scored: Sequence[_Scored]) -> None:
    counts = Counter(outcome for found in scored for outcome in found.outcomes.values())
    left = counts["pending"] + counts["running"]
    if left:
        raise UserError(
            f"{left} of {sum(counts.values())} runs of {plan.title()} are not over; run "
            f"`python -m sweeps run {plan.study.name} --preset {plan.preset}` first"
        )


def _trial(found: _Scored, factors: Factors, plan: Plan) -> FrozenTrial:
    """Return an arm as a trial: its mean over scored seeds, or FAIL if no seed has a score."""
    from optuna.trial import TrialState, create_trial

    arm, values = found.arm, {ARM: found.arm.name, **factors[found.arm.name]}
    distributions = _distributions([other.name for other in plan.arms], factors)
    scores = list(found.scores.values())
    state = TrialState.COMPLETE if scores else TrialState.FAIL
    return create_trial(
        state=state,
        value=fmean(scores) if scores else None,
        params=values,
        distributions={key: distributions[key] for key in values},
        user_attrs=_attributes(found),
        intermediate_values=_mean_curve(found.curves) if arm.rollouts else {},
    )


def _attributes(found: _Scored) -> dict[str, Any]:
    arm, scores = found.arm, found.scores
    interval = t_interval(list(scores.values())) if scores else None
    return {
        "label": arm.label,
        "role": arm.role,
        "cell": arm.cell,
        "overrides": list(arm.overrides),
        "seeds": {str(seed): score for seed, score in scores.items()},
        "outcomes": {str(seed): outcome for seed, outcome in found.outcomes.items()},
        "interval95": None if interval is None or interval.low is None else [interval.low, interval.high],
    }


def _mean_curve(curves: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Return the mean over seeds at every point that all seeds have."""
    shared = set.intersection(*(set(points) for points in curves)) if curves else set()
    return {rollouts: fmean(points[rollouts] for points in curves) for rollouts in sorted(shared)}


def _factors(arms: Sequence[PlannedArm]) -> Factors:
    """Return the options in which arms differ, by name of the arm; empty for the untrained base, which does not train."""
    trained = [arm for arm in arms if arm.role != "base"]
    flat = {arm.name: _flat(identity(quick_compose(arm.overrides))) for arm in trained}
    keys = sorted({key for values in flat.values() for key in values})
    differing = [key for key in keys if len({repr(values.get(key)) for values in flat.values()}) > 1]
    return {
        arm.name: {key: _plain(flat.get(arm.name, {}), key) for key in differing if arm in trained}
        for arm in arms
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def _plain(values: Mapping[str, Any], key: str) -> Any:
    """Return a value that Optuna can store: lists become text; an option without effect, which a cell does not contain, is null."""
    value = values.get(key)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _distributions(names: Sequence[str], factors: Factors) -> dict[str, Any]:
    """Return a range for each option that is always a number, and a categorical distribution for all others."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {ARM: CategoricalDistribution(tuple(names))}
    for key in {key for values in factors.values() for key in values}:
        seen = [values[key] for values in factors.values() if key in values]
        kinds = {type(value) for value in seen}
        if kinds == {int}:
            found[key] = IntDistribution(min(seen), max(seen))
        elif kinds <= {int, float}:
            found[key] = FloatDistribution(min(seen), max(seen))
        else:
            found[key] = CategoricalDistribution(tuple(dict.fromkeys(seen)))
    return found
