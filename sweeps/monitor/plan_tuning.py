"""Lines of `sweeps plan` on tuning: what it does, what it costs beside the confirmation, and what the confirmation can detect."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.statistics import detectable_effect
from analysis.statistics.families import ALPHA
from sweeps.ledger.state import Standing
from sweeps.plan.cost import Forecast, forecast
from sweeps.plan.expected.machine import Place
from sweeps.plan.finished import Cost
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.power import COMPARED, spread_of
from sweeps.study.tune import Tune

ASSUMED = 0.05
"""Standard deviation of the score over seeds, as a share, if no runs have measured it."""
UNITS = {"trials": "trials", "core_hours": "core hours", "device_hours": "device hours"}


def tuning_lines(plan: Plan, standings: Mapping[Trial, Standing], place: Place | None) -> list[str]:
    """Return the lines of a plan that holds its awaited pilots; none for a study without tuning."""
    tune = plan.study.tuning(plan.preset)
    if tune is None:
        return []
    tuned = plan.study.tuned_arms(plan.preset)
    begun = sum(len(arm.trials) for arm in plan.tuning.arms.values()) if plan.tuning else 0
    so_far = "every arm has its point" if not plan.untuned else f"{begun} trials begun"
    return [
        f"tuning: {len(tuned)} arms, {budget_words(tune)} each, on pilot {_listed(tune.head.seeds)}; points by "
        f"{tune.head.sampler.name} over {', '.join(one.key for one in tune.space)}{_pruned(tune)}; {so_far}",
        *_costs(plan, tune, standings, place),
        *_confirmed(plan),
    ]


def budget_words(tune: Tune) -> str:
    """Return the budget of one arm in words."""
    budget = tune.head.budget
    return f"{budget.amount:g} {UNITS[budget.unit]}"


def _pruned(tune: Tune) -> str:
    name = tune.head.pruner.name
    return "" if name == "none" else f", with pruner {name}"


def _costs(plan: Plan, tune: Tune, standings: Mapping[Trial, Standing], place: Place | None) -> list[str]:
    """Return the cost of both stages; under a budget in hours, what tuning may cost at most."""
    pilots = {arm.name for arm in plan.pilots}
    split = [
        forecast(
            plan, {trial: now for trial, now in standings.items() if (trial.arm in pilots) == tuning}, place
        )
        for tuning in (True, False)
    ]
    budget, arms = tune.head.budget, len(plan.study.tuned_arms(plan.preset))
    first = _whole(split[0])
    if budget.unit != "trials" and plan.untuned:
        first = f"{arms} x {budget.amount:g} = {arms * budget.amount:g} {UNITS[budget.unit]}, and more where that is less than two trials"
    runs = len(standings)
    of_pilots = sum(trial.arm in pilots for trial in standings)
    known = "" if budget.unit == "trials" or not plan.untuned else " so far"
    return [
        f"tuning, {of_pilots} pilot runs{known}: {first}; confirmation, {runs - of_pilots} runs: {_whole(split[1])}"
    ]


def _whole(expected: Forecast) -> str:
    """Return spent and expected cost in words."""
    if expected.untold:
        return "cost unknown until a run of this size has finished in this store"
    return f"about {_hours(expected.expected)}, {_hours(expected.spent)} of them spent"


def _hours(cost: Cost) -> str:
    parts = ((cost.core_hours, "core hours"), (cost.device_hours, "device hours"))
    return " and ".join(f"{hours:.3g} {unit}" for hours, unit in parts if hours) or "0 core hours"


def _confirmed(plan: Plan) -> list[str]:
    """Return what the confirmation can detect between two arms, each at its chosen point."""
    baseline = plan.study.head.baseline
    seeds = {arm.name: len(arm.seeds) for arm in plan.arms if arm.role in COMPARED or arm.name == baseline}
    comparisons = len(seeds.keys() - {baseline})
    if not comparisons or min(seeds.values()) < 2:
        return []
    n = min(seeds.values())
    effect = detectable_effect(n, ALPHA / comparisons)
    spread, runs, what = spread_of(plan)
    points = f"{100 * effect * (spread or ASSUMED):.2g} points "
    points += "if the runs of an arm vary by 5" if spread is None else f"at the spread of {runs} {what} here"
    return [
        f"the confirmation detects, with {n} fresh seeds per arm and 80% power at Holm's first level, a difference of {effect:.1f} sd "
        f"over seeds: {points}; p does not include the luck of tuning, by which another tuning would choose other points"
    ]


def _listed(seeds: tuple[int, ...]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
