"""Refusals of a tuning before any work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sspo.runs.epochs import described
from sspo.runs.identity import cell_hash, code_level, level_of
from sweeps.control.sweep import RunOptions
from sweeps.engines.registry import DEFAULT_ENGINE
from sweeps.plan.devices import visible_devices
from sweeps.plan.plan import Plan
from sweeps.plan.tuned import record_path
from sweeps.search.cells import point_words
from sweeps.search.spec import Search
from sweeps.tune.journal import journal_path


def check_tuning(plan: Plan, options: RunOptions) -> None:
    """Raise UserError for an option that a tuning cannot have, for a budget in hours of what is not here, and for trials of other code."""
    tune = plan.study.tuning(plan.preset)
    assert tune is not None, "the study tunes nothing"
    if options.detach:
        raise UserError(
            f"--detach: {plan.title()} is not tuned yet, and a tuning needs this process to choose the next points; run it without "
            "--detach until its points are chosen"
        )
    away = options.engine != DEFAULT_ENGINE
    if away and tune.head.pruner.name != "none":
        raise UserError(
            f"tune.pruner {tune.head.pruner.name} stops trials of this machine's pool, and engine {options.engine} runs them elsewhere; set "
            "it to none, or use the engine local"
        )
    unit = tune.head.budget.unit
    wanted = "core_hours" if not visible_devices() else "device_hours"
    if not away and unit not in ("trials", wanted):
        place = "has no CUDA device" if wanted == "core_hours" else "trains on its CUDA devices"
        raise UserError(
            f"tune.budget of {plan.study.name} is in {unit}, and this machine {place}; give it in trials or {wanted}"
        )
    refuse_other_code(plan)


def refuse_other_cells(plan: Plan) -> None:
    """Raise UserError for trials whose words compose to another cell now: points chosen on one configuration say nothing about another."""
    other = [pilot for pilot in plan.pilots if cell_hash(pilot.config) != pilot.cell]
    if other:
        record = record_path(plan.study.name, plan.preset, plan.store)
        raise UserError(
            f"{plan.title()} was tuned under another configuration: {len(other)} of its {len(plan.pilots)} trials compose to another cell now, "
            f"as {other[0].name} (was {other[0].cell}); revert what changed in conf/, or delete {record} and {journal_path(plan)} to tune "
            "again (finished runs are kept)"
        )


def refuse_other_code(plan: Plan) -> None:
    """Raise UserError for scored trials of code with other numbers: a choice among scores of two versions would optimize neither."""
    if plan.tuning is None or plan.study.head.mix_code:
        return
    makers = Counter(
        trial.level
        for arm in plan.tuning.arms.values()
        for trial in arm.trials
        if trial.overrides and trial.level != level_of(quick_compose(trial.overrides))
    )
    if makers:
        made = ", ".join(f"{count} of {described(level)}" for level, count in makers.most_common())
        record = record_path(plan.study.name, plan.preset, plan.store)
        raise UserError(
            f"{plan.title()} has trials of code with other numbers ({made}), and this is {described(code_level())}; one tuning cannot hold "
            f"scores of both: check with `make same-numbers` whether the numbers are equal, or delete {record} and {journal_path(plan)} "
            "to tune again (finished runs are kept)"
        )


def refuse_edited_points(plan: Plan, searches: Mapping[str, Search]) -> None:
    """Raise UserError for a chosen point whose words are not those that set it: the record was edited."""
    arms = plan.tuning.arms if plan.tuning is not None else {}
    for name, arm in arms.items():
        if arm.chosen is None:
            continue
        wanted = point_words(searches[name], plan.preset, arm.chosen.point)
        if tuple(arm.chosen.overrides) != wanted:
            record = record_path(plan.study.name, plan.preset, plan.store)
            raise UserError(
                f"{record} was edited: arm '{name}' would run with {' '.join(arm.chosen.overrides) or 'nothing'}, and its chosen point is set "
                f"by {' '.join(wanted)}; restore the record, or delete it and {journal_path(plan)} to tune again (finished runs are kept)"
            )
