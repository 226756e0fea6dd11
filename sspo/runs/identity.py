"""The identity of a run: a cell is the hash of everything that can change its numbers, except the seed.

The store, mirror, recording and execution of a run, and the names of its arm and objective, are not part of it, so the
same configuration by a different route is the same cell. Options of a disabled controller are not part of it either,
nor are later options at their defaults: older cells keep their names. Device and code are recorded in env.json and not
in the cell. The base model enters by its content.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sspo.config import EMBEDDED_BASES, REWARD_NAMES, RULES, TASK_NAMES, SegmentationConfig, TrainConfig
from sspo.config.choices import HOUSE_TERMS, PROPORTIONAL, TERMS
from sspo.config.plugins.table import find, identity_of
from sspo.config.prompt_checks import prompt_identity
from sspo.config.reward_sum import names_in_use, weights
from sspo.models.folder import base_fingerprint, chat_template
from sspo.runs.code_key import code_key
from sspo.runs.content_hash import content_hash
from sspo.runs.epochs import Epoch, epoch_of, flat, level_name, level_under, read_epochs
from sspo.tasks import task_of

LATER = (
    "fixed_like",
    "entropy_quantile",
    "pattern",
    "entropy_share",
    "entropy_over",
    "roles",
    "max_tokens",
    "protect_abbreviations",
    "protect_latex",
    "protect_code",
)
"""Segmentation options added after the first cells were named. Their defaults cut the embedded task as before."""
LATER_OPTIONS = {
    "task": ("train", "eval", "folder", "question", "answer", "id", "options", "lock"),
    "reward": ("options", "also", "cpu_seconds", "memory_mb", "second"),
    "rollout": ("engine", "stop", "decode"),
    "trainer": ("backend", "forward", "logits", "old_logp", "optimizer", "verl"),
    "model": ("precision", "attention"),
    "evaluation": ("top_p", "top_k", "stream"),
}
PLACES = ("train", "eval", "folder", "question", "answer", "id", "options", "lock")
"""Options of the task that select its questions, whose content is `read`."""
GRADED, GRADED_OPTIONS = "math_verify", ("cpu_seconds", "memory_mb", "second")
"""The reward that has such options."""
NAMES_A_RULE = ("rule", "random_like", "fixed_like")


def numeric_options(config: TrainConfig) -> dict[str, Any]:
    """Return the options that can change a run's numbers, except the seed; disabled options are left out."""
    fields = asdict(config)
    for label in ("seed", "run", "tracking"):
        del fields[label]
    for label in ("name", "paper"):
        del fields["objective"][label]
    del fields["reward"]["workers"]
    for label in ("record", "warn_after", "gradient_checkpointing"):
        del fields["trainer"][label]
    del fields["evaluation"]["texts"]
    if config.evaluation.stream == "sample":
        del fields["evaluation"]["batch"]  # draws nothing then
    if config.objective.bounds.target_clip_frac is None:
        for label in ("target_clip_frac", "target_gain", "target_range", "target_control"):
            del fields["objective"]["bounds"][label]
    elif config.objective.bounds.target_control == PROPORTIONAL:
        del fields["objective"]["bounds"]["target_control"]  # as before there was a choice
    _drop_later_options(fields, config)
    return fields


def identity(config: TrainConfig) -> dict[str, Any]:
    """Return the content that a cell's hash is computed from."""
    fields = numeric_options(config)
    fields["segmentation"] = _segmentation_identity(config.segmentation)
    options = {name: value for name, value in fields["model"].items() if name != "path"}
    fields["model"] = {"base": base_fingerprint(config.model.path), **options}
    fields["objective"]["term"] = identity_of("term", config.objective.term, HOUSE_TERMS)
    fields["reward"]["name"] = identity_of("reward", config.reward.name, REWARD_NAMES)
    if config.reward.also:
        fields["reward"]["also"] = sorted(
            (identity_of("reward", name, REWARD_NAMES), weight) for name, weight in weights(config.reward)
        )
    fields["task"] = _task_identity(config, fields["task"])
    return fields


def _task_identity(config: TrainConfig, plain: dict[str, Any]) -> dict[str, Any]:
    """The questions that are read, whichever of several names leads to them; of a user's own task its code and options too."""
    read = task_of(config).fingerprint
    if find("task", config.task.name, TASK_NAMES) is None:
        return plain if read is None else {"read": read}
    default = asdict(TrainConfig().task)
    given = {key: value for key, value in asdict(config.task).items() if value != default[key]}
    told = {key: given[key] for key in ("options",) if key in given} | {"read": read} if read else given
    return {**told, "name": identity_of("task", config.task.name, TASK_NAMES)}


def _drop_later_options(fields: dict[str, Any], config: TrainConfig) -> None:
    """Drop options added after the first cells were named, if they are disabled or have no effect."""
    objective, rollout, reward = config.objective, config.rollout, config.reward
    _drop_at_defaults(fields, config)
    for label in ("tau", "kernel", "kept"):
        if not getattr(TERMS[objective.term], label):
            del fields["objective"][label]
    if objective.pooling == "mean":
        del fields["objective"]["pooling"]
    if objective.clip.dual is None:
        del fields["objective"]["clip"]["dual"]
    if objective.kl.coef == 0:
        del fields["objective"]["kl"]
    for label in ("tis_cap", "mis_cap"):
        if label not in objective.sampler_caps:
            del fields["objective"][label]
    if rollout.engine != TrainConfig().rollout.engine:
        fields["rollout"].pop("decode", None)  # affects only engine transformers
    if rollout.resample == 0:
        del fields["rollout"]["resample"]
    if reward.overlong_buffer == 0:
        for label in ("overlong_buffer", "overlong_penalty"):
            del fields["reward"][label]
    if GRADED not in names_in_use(reward):
        for label in GRADED_OPTIONS:
            fields["reward"].pop(label, None)


def _drop_at_defaults(fields: dict[str, Any], config: TrainConfig) -> None:
    """Drop options of tasks, prompts and rewards for real language models, which were added after the first cells were
    named.

    The location of questions is not part of a cell: their content is (`read`).
    """
    for group in LATER_OPTIONS:
        default = asdict(getattr(TrainConfig(), group))
        for label in LATER_OPTIONS[group]:
            if fields[group][label] == default[label]:
                del fields[group][label]
    for label in PLACES:
        fields["task"].pop(label, None)
    if config.model.lora.rank:
        fields["model"]["lora"]["targets"] = sorted(config.model.lora.targets)
    else:
        del fields["model"]["lora"]
    if config.reward.also:
        fields["reward"]["also"] = sorted(weights(config.reward))
    if config.trainer.verl:
        fields["trainer"]["verl"] = sorted(config.trainer.verl)  # each sets a key of its own
    if config.rollout.stop:
        fields["rollout"]["stop"] = sorted(config.rollout.stop)
    if config.prompt == TrainConfig().prompt:
        del fields["prompt"]
    else:
        fields["prompt"] = prompt_identity(config.prompt, chat_template(config.model.path))


def _segmentation_identity(config: SegmentationConfig) -> dict[str, Any]:
    default = asdict(SegmentationConfig())
    config = replace(config, roles=default["roles"]) if set(config.roles) == set(default["roles"]) else config
    options = {
        key: value for key, value in asdict(config).items() if key not in LATER or value != default[key]
    }
    if "roles" in options:
        options["roles"] = sorted(config.roles)  # their order changes nothing
    return options | {
        key: identity_of("rule", options[key], RULES) for key in NAMES_A_RULE if options.get(key)
    }


OTHER_BASE = "other"
"""Value among the facts of a run for every base model that does not ship with the project."""


def facts_of(config: TrainConfig) -> dict[str, Any]:
    """Return a run's options by their dotted names, as the clauses of sspo/numerics.json use them."""
    facts = flat(numeric_options(config))
    if config.model.path not in EMBEDDED_BASES:
        facts["model.path"] = OTHER_BASE
    return facts


def level_of(config: TrainConfig) -> str:
    """Return the folder level of a run's numbers under this code: part of its place in the store, not of its cell."""
    return level_under(facts_of(config), *_numerics())


def code_level() -> str:
    """Return the level of this code's latest epoch, or its own if no epoch lists it."""
    key, epochs = _numerics()
    current = epoch_of(key, epochs)
    return level_name(current) if current is not None else f"code-{key}"


def _numerics() -> tuple[str, tuple[Epoch, ...]]:
    """Return the code key and the epochs, refreshed at most once per second: a plan needs the level of every cell."""
    return _looked(code_key, int(time.monotonic()))


@functools.lru_cache(maxsize=4)
def _looked(find: Callable[[], str], _second: int) -> tuple[str, tuple[Epoch, ...]]:
    return find(), read_epochs()


def cell_hash(config: TrainConfig) -> str:
    """Return twelve hexadecimal digits that name the config's cell."""
    return content_hash(identity(config))


def run_folder(config: TrainConfig) -> Path:
    """Return the folder of the run under this code: `<store>/cells/<cell>/seed<k>`, below the level of its numbers, if
    any.
    """
    return cell_folder(Path(config.run.store), cell_hash(config), config.seed, level_of(config))


def cell_folder(store: Path, cell: str, seed: int, level: str = "") -> Path:
    """Return the folder of one run in a store. `level` separates runs made by code with different numbers
    (sspo/runs/epochs.py).
    """
    return store / "cells" / cell / level / f"seed{seed}"


def folders_of(store: Path, cell: str, seed: int) -> dict[str, Path]:
    """Return the existing run folders of a cell and seed, by their levels."""
    return _at_all_levels(store / "cells" / cell, f"seed{seed}")


def other_folders(folder: Path) -> dict[str, Path]:
    """Return run folders of the same cell and seed made by code with different numbers, by their levels."""
    cell = folder.parent if folder.parent.parent.name == "cells" else folder.parent.parent
    return {level: path for level, path in _at_all_levels(cell, folder.name).items() if path != folder}


def _at_all_levels(cell: Path, run: str) -> dict[str, Path]:
    places = [("", cell / run), *((path.parent.name, path) for path in sorted(cell.glob(f"*/{run}")))]
    return {level: path for level, path in places if path.is_dir()}
