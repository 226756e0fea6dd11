"""A preset's budget compared with the spent and expected cost: `plan` prints the comparison, `run` refuses to exceed it."""

from __future__ import annotations

from dataclasses import asdict

from sspo.errors import UserError
from sweeps.ledger.state import standing
from sweeps.plan.awaited import awaited
from sweeps.plan.cost import Forecast, forecast
from sweeps.plan.plan import Plan

EPSILON = 1e-9


def budget_lines(plan: Plan, expected: Forecast) -> list[str]:
    """Return one line per limit of the plan's preset; none if it has no budget."""
    lines = []
    for unit, limit in _limits(plan).items():
        words = unit.replace("_", " ")
        spent, total = getattr(expected.spent, unit), getattr(expected.expected, unit)
        if total > limit + EPSILON:
            verdict = (
                f"exceeds it by {total - limit:.3g}{_basis(expected)}, so `sweeps run` will refuse to start"
            )
        elif expected.untold:
            verdict = f"cannot yet be compared with it: {_why_unknown(expected)}"
        else:
            verdict = f"is within it{_basis(expected)}"
        lines.append(
            f"budget: {limit:g} {words}; spent {spent:.3g}; total with the remaining trials {total:.3g}, which {verdict}"
            if not expected.untold or total > limit + EPSILON
            else f"budget: {limit:g} {words}; spent {spent:.3g}; the total {verdict}"
        )
    return lines


def check_budget(plan: Plan, *, over_budget: bool = False) -> list[str]:
    """Return the budget lines to print before trials start. Raises UserError if they are known to exceed the budget.

    Nothing is refused if the cost cannot be estimated, which the lines state, or with `over_budget`.
    """
    limits = _limits(plan)
    if not limits:
        return []
    plan = awaited(plan)
    expected = forecast(plan, {trial: standing(trial.folder) for trial in plan.all_trials()})
    for unit, limit in limits.items():
        total = getattr(expected.expected, unit)
        if total > limit + EPSILON and not over_budget:
            raise UserError(
                f"{plan.title()} would cost {total:.3g} {unit.replace('_', ' ')} in all, estimated from {_judge(expected)}, and "
                f"presets.{plan.preset}.budget.{unit} is {limit:g}; raise that, or run with --over-budget (make: OVER_BUDGET=1)"
            )
    return budget_lines(plan, expected) if expected.untold else []


def _limits(plan: Plan) -> dict[str, float]:
    budget = asdict(plan.study.presets[plan.preset].budget)
    return {unit: limit for unit, limit in budget.items() if limit is not None}


def _judge(expected: Forecast) -> str:
    """Return the source of the estimated total."""
    if not expected.judged:
        return "finished trials"
    corrected = all(one.scale is not None for one in expected.judged)
    return "the cost model" + (", corrected by finished trials" if corrected else "")


def _basis(expected: Forecast) -> str:
    """Return the source of the total in parentheses; empty if it is finished trials alone."""
    return f" (estimated from {_judge(expected)})" if expected.judged else ""


def _why_unknown(expected: Forecast) -> str:
    return f"{expected.untold} of the remaining trials resemble no finished trial in this store"
