"""`python -m sspo.train -m`: run the combinations of a command line with the cells, folders and ledger of `sweeps run`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.compose.hydra_compose import parse_overrides
from sspo.config import RunConfig
from sweeps.control.sweep import RunOptions, check_options, run_sweep
from sweeps.integrations.multirun_study import study_of
from sweeps.integrations.recipes import STORE, Recipe, is_of, keep, refuse_taken
from sweeps.ledger.lock import alone
from sweeps.ledger.store import check_store, refuse_foreign
from sweeps.monitor.requests import control_folder
from sweeps.monitor.terminal import standard_console
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.spec import DEFAULT_PRESET


def run_words(words: Sequence[str], options: Mapping[str, Any]) -> int:
    """Run the missing combinations of a command line, with the options of `hydra/sweeper=sspo`.

    Returns the exit status of `sweeps run`. Raises UserError before any work if the command line is invalid.
    """
    store, own = _split_store(words)
    recipe = Recipe(words=own, baseline=options["baseline"], test=options["test"])
    study = study_of(recipe, options["study"])
    refuse_taken(study.name)
    plan, console = make_plan(study, DEFAULT_PRESET, store), standard_console()
    if options["plan"]:
        from sweeps.monitor.plan_view import show_plan  # imports scipy

        return show_plan(plan, options["workers"], console)
    how = RunOptions(
        workers=options["workers"], retry_failed=options["retry_failed"], timeout=options["timeout"]
    )
    check_options(how)
    _keep_alone(recipe, plan, how)
    _announce(plan, console)
    return run_sweep(plan, how, console)


def _split_store(words: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
    """Return the store that the words name, and the other words."""
    named = [word for word in words if is_of(word, STORE)]
    store = parse_overrides(named)[-1].value() if named else RunConfig().store
    return Path(str(store)), tuple(word for word in words if word not in named)


def _keep_alone(recipe: Recipe, plan: Plan, how: RunOptions) -> None:
    """Store the recipe under the lock of its sweep, so that no other controller of a multirun with this name is running."""
    refuse_foreign(plan.store)
    check_store(plan.store, 0)
    with alone(control_folder(plan), f"sweep of {plan.title()}", watch=how.watch()):
        keep(recipe, plan.study.name, plan.store)


def _announce(plan: Plan, console: Console) -> None:
    name, store = plan.study.name, plan.store
    where = "" if str(store) == RunConfig().store else f" --store {shlex.quote(str(store))}"
    console.print(
        Text(
            f"study {name}: {len(plan.arms)} arms, {len(plan.trials())} trials, baseline {plan.study.head.baseline}; "
            f"python -m sweeps status {name}{where}; python -m analysis report {name}{where}"
        ),
        soft_wrap=True,
    )
