"""Turns a recipe into a study: combinations that differ only in the seed are one arm, and so are those of one cell."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sspo.compose.fast import quick_compose
from sspo.compose.hydra_compose import compose, parse_overrides
from sspo.compose.multirun import combinations
from sspo.config import TrainConfig
from sspo.config.choices import TERMS
from sspo.errors import UserError, unknown
from sspo.runs.identity import cell_hash
from sweeps.integrations.arm_names import labels, names
from sweeps.integrations.recipes import STORE, Recipe, is_of
from sweeps.study.load import NAME
from sweeps.study.refusals import RESERVED, check_resolvers
from sweeps.study.spec import DEFAULT_PRESET, TESTS, Arm, Preset, Study, StudyHead

FREE = "run.device"
"""The only option of `run` that a multirun's command line may set."""


def study_of(recipe: Recipe, name: str = "") -> Study:
    """Return the study of a multirun: one arm per cell, compared with the baseline at sampled accuracy.

    Without a name, it gets one from the cells that it compares, independent of how the words are written. Raises UserError for
    invalid input.
    """
    if name and not NAME.fullmatch(name):
        raise UserError(
            f"hydra.sweeper.study: a name must be lowercase letters, digits and '_', starting with a letter, got '{name}'"
        )
    if recipe.test not in TESTS:
        raise unknown("hydra.sweeper.test", recipe.test, TESTS)
    _refuse_reserved(recipe.words)
    seeds = _seeds(recipe.words)
    found = _distinct(combinations([word for word in recipe.words if not is_of(word, "seed")]))
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
    """Return the words that name several values, except seeds."""
    several = [word for word in recipe.words if not is_of(word, "seed") and len(combinations([word])) > 1]
    return " ".join(several or recipe.words) or "the defaults"


def _question(recipe: Recipe) -> str:
    return shlex.join(["python", "-m", "sspo.train", "-m", *recipe.words])


def _refuse_reserved(words: Sequence[str]) -> None:
    for word in words:
        check_resolvers("a multirun", word)
        if RESERVED.match(word) and not is_of(word, "seed") and not is_of(word, FREE):
            raise UserError(
                f"'{word}' is set by the sweep; a multirun takes {STORE}, {FREE} and the options hydra.sweeper.*"
            )


def _seeds(words: Sequence[str]) -> tuple[int, ...]:
    """Return the seeds that the words name, in order; the default if they name none."""
    texts = [text for (text,) in combinations([word for word in words if is_of(word, "seed")] or ["seed=0"])]
    found = []
    for text in texts:
        value = parse_overrides([text])[0].value()
        found.append(
            value if type(value) is int and value >= 0 else compose([text]).seed
        )  # compose raises the reason
    return tuple(dict.fromkeys(found))


def _distinct(combos: Sequence[tuple[str, ...]]) -> dict[str, tuple[Arm, TrainConfig]]:
    """Return an arm, by name, for the first combination of every cell, with its configuration."""
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
    """Return the arm that the recipe names, else the first one that trains with a clip, else the first."""
    if recipe.baseline and recipe.baseline not in arms:
        raise unknown("arm as hydra.sweeper.baseline", recipe.baseline, arms)
    trained = [name for name, arm in arms.items() if arm.role == "arm"]
    return recipe.baseline or (trained or list(arms))[0]
