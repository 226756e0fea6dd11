"""The combinations of a command line with -m -> a study, and its run: the same cells, folders and ledger as `sweeps run`.

Combinations that differ in the seed alone are one arm, and so are those that compose to one cell.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import compose, parse_overrides
from sspo.compose.multirun import combinations
from sspo.config import RunConfig, TrainConfig
from sspo.config.choices import TERMS
from sspo.errors import UserError, unknown
from sspo.runs.identity import cell_hash
from sweeps.control.run import run_sweep
from sweeps.control.training import RunOptions, check_options
from sweeps.integrations.arm_names import labels, names
from sweeps.integrations.recipes import SPECS, Recipe, keep, recall, refuse_taken, unknown_study
from sweeps.ledger.lock import alone
from sweeps.ledger.store import check_store, refuse_foreign
from sweeps.monitor.console import standard_console
from sweeps.monitor.requests import control_folder
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import NAME, load
from sweeps.study.refusals import RESERVED, check_resolvers
from sweeps.study.spec import DEFAULT_PRESET, TESTS, Arm, Preset, Study, StudyHead
from sweeps.study.spec_file import has_file

STORE = "run.store"
FREE = "run.device"
"""The one option of `run` that a multirun leaves to its command line."""


def run_words(words: Sequence[str], options: Mapping[str, Any]) -> int:
    """Run what is missing of a command line's combinations, under the options of `hydra/sweeper=sspo`.

    Returns the exit status of `sweeps run`. Raises UserError before any work for what makes no sense.
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


def find_study(name: str, store: Path) -> Study:
    """A study of conf/study/, else the multirun of that name in the store. UserError, with the nearest name, for neither."""
    if has_file(SPECS, name):
        return load(SPECS, name)
    recipe = recall(name, store)
    if recipe is None:
        raise unknown_study(name, store)
    return study_of(recipe, name)


def study_of(recipe: Recipe, name: str = "") -> Study:
    """The study of a multirun: an arm a cell, compared with the baseline at sampled accuracy.

    Without a name it gets one from what it compares, the same however that is written. Raises UserError for what makes
    no sense.
    """
    if name and not NAME.fullmatch(name):
        raise UserError(
            f"hydra.sweeper.study: a name is lower-case letters, digits and '_', letters first, got '{name}'"
        )
    if recipe.test not in TESTS:
        raise unknown("hydra.sweeper.test", recipe.test, TESTS)
    _refuse_reserved(recipe.words)
    seeds = _seeds(recipe.words)
    found = _distinct(combinations([word for word in recipe.words if not _is(word, "seed")]))
    arms = {name: arm for name, (arm, _) in found.items()}
    baseline = _baseline(recipe, arms)
    cells = {name: cell_hash(config) for name, (_, config) in found.items()}
    parts = [cells[baseline], recipe.test, *sorted(cells.values()), *map(str, sorted(seeds))]
    return Study(
        name=name or "multirun_" + hashlib.sha256(" ".join(parts).encode()).hexdigest()[:8],
        head=StudyHead(title=_title(recipe), question=_question(recipe), baseline=baseline, test=recipe.test),
        arms={**arms, baseline: replace(arms[baseline], role="arm")},
        presets={DEFAULT_PRESET: Preset(seeds=seeds)},
    )


def _title(recipe: Recipe) -> str:
    """The words that name several values, seeds aside."""
    several = [word for word in recipe.words if not _is(word, "seed") and len(combinations([word])) > 1]
    return " ".join(several or recipe.words) or "the defaults"


def _question(recipe: Recipe) -> str:
    return shlex.join(["python", "-m", "sspo.train", "-m", *recipe.words])


def _is(word: str, key: str) -> bool:
    return word.lstrip("+").partition("=")[0] == key


def _split_store(words: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
    """The store that the words name, and the other words."""
    named = [word for word in words if _is(word, STORE)]
    store = parse_overrides(named)[-1].value() if named else RunConfig().store
    return Path(str(store)), tuple(word for word in words if word not in named)


def _refuse_reserved(words: Sequence[str]) -> None:
    for word in words:
        check_resolvers("a multirun", word)
        if RESERVED.match(word) and not _is(word, "seed") and not _is(word, FREE):
            raise UserError(
                f"'{word}' is set by the sweep; a multirun takes {STORE}, {FREE} and the options hydra.sweeper.*"
            )


def _seeds(words: Sequence[str]) -> tuple[int, ...]:
    """The seeds that the words name, in their order; the default where they name none."""
    texts = [text for (text,) in combinations([word for word in words if _is(word, "seed")] or ["seed=0"])]
    found = []
    for text in texts:
        value = parse_overrides([text])[0].value()
        found.append(
            value if type(value) is int and value >= 0 else compose([text]).seed
        )  # which says why not
    return tuple(dict.fromkeys(found))


def _distinct(combos: Sequence[tuple[str, ...]]) -> dict[str, tuple[Arm, TrainConfig]]:
    """By name, an arm for the first combination of every cell, with what it composes to."""
    found: dict[str, tuple[str, Arm, TrainConfig]] = {}
    for name, label, combo in zip(names(combos), labels(combos), combos, strict=True):
        try:
            config = quick_compose(combo)
        except UserError as error:
            raise UserError(f"{' '.join(combo)}: {error}") from error
        arm = Arm(role=_role(config), label=label, overrides=combo)
        found.setdefault(cell_hash(config), (name, arm, config))
    return {name: (arm, config) for name, arm, config in found.values()}


def _role(config: TrainConfig) -> str:
    if config.trainer.rollouts == 0:
        return "base"
    return "no_clip" if TERMS[config.objective.term].no_clip else "arm"


def _baseline(recipe: Recipe, arms: Mapping[str, Arm]) -> str:
    """The arm that the recipe names, else the first one that trains with a clip, else the first."""
    if recipe.baseline and recipe.baseline not in arms:
        raise unknown("arm as hydra.sweeper.baseline", recipe.baseline, arms)
    trained = [name for name, arm in arms.items() if arm.role == "arm"]
    return recipe.baseline or (trained or list(arms))[0]


def _keep_alone(recipe: Recipe, plan: Plan, how: RunOptions) -> None:
    """Keep the recipe, but not under the hands of another controller of a multirun with this name."""
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
