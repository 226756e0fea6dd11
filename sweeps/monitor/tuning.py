"""How far the tuning of a study is, as a table of its arms, and the points that it chose."""

from __future__ import annotations

from collections import Counter

from rich.table import Table
from rich.text import Text

from sweeps.plan.plan import Plan
from sweeps.plan.tuned import COMPLETE, FAILED, OPEN, PRUNED, ChosenPoint, TunedArm
from sweeps.study.tune import TuningBudget


def tuning_table(plan: Plan) -> Table:
    """Return a table of the trials of every arm by state; of a tuning that has not begun, with zeros."""
    tune = plan.study.tuning(plan.preset)
    assert tune is not None, "the study tunes nothing"
    table = Table(box=None, pad_edge=False, title=f"tuning of {plan.title()}", title_justify="left")
    for heading in ("arm", "settled", COMPLETE, PRUNED, FAILED, OPEN):
        table.add_column(heading)
    for name in plan.study.tuned_arms(plan.preset):
        arm = TunedArm(space=()) if plan.tuning is None else plan.tuning.arms.get(name, TunedArm(space=()))
        counts = Counter(trial.state for trial in arm.trials)
        states = [str(counts[state]) for state in (COMPLETE, PRUNED, FAILED, OPEN)]
        table.add_row(Text(name), _settled(arm, tune.head.budget, begun=plan.tuning is not None), *states)
    return table


def chosen_table(plan: Plan) -> Table:
    """Return a table of the chosen points, with the fitted scores that chose them; edges are marked."""
    assert plan.tuning is not None, "nothing was tuned"
    table = Table(box=None, pad_edge=False, title=f"chosen points of {plan.title()}", title_justify="left")
    for heading in ("arm", "point", "fitted score on pilot seeds (95 % CI)", "at an edge"):
        table.add_column(heading)
    for name, arm in plan.tuning.arms.items():
        if arm.chosen is not None:
            table.add_row(
                Text(name),
                Text(_words(arm.chosen)),
                _score(arm.chosen),
                Text(", ".join(arm.chosen.edges) or "-"),
            )
    return table


def tuning_counts(plan: Plan) -> str:
    """Return the trials of all arms by state, in one line."""
    arms = plan.tuning.arms.values() if plan.tuning is not None else ()
    counts = Counter(trial.state for arm in arms for trial in arm.trials)
    return "tuning: " + ", ".join(f"{counts[state]} {state}" for state in (COMPLETE, PRUNED, FAILED, OPEN))


def _settled(arm: TunedArm, budget: TuningBudget, *, begun: bool) -> str:
    over = [trial for trial in arm.trials if trial.state != OPEN]
    if budget.unit == "trials":
        planned = budget.amount if arm.space or not begun else 1
        return f"{len(over)}/{planned:g}"
    spent = sum(getattr(trial, budget.unit) for trial in over)
    return f"{len(over)} ({spent:.3g}/{budget.amount:g} {budget.unit.replace('_', ' ')})"


def _words(chosen: ChosenPoint) -> str:
    return (
        ", ".join(
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in chosen.point.items()
        )
        or "its default"
    )


def _score(chosen: ChosenPoint) -> str:
    return f"{100 * chosen.mean:.1f} ± {196 * chosen.sd:.1f} %"
