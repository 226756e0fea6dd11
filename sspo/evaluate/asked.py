"""The identity of an evaluation: everything that can change a row, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sspo.config import TrainConfig
from sspo.errors import shown
from sspo.evaluate.subject import Trained
from sspo.questions.question_set import digest_of
from sspo.runs.content_hash import DIGITS, content_hash
from sspo.runs.epochs import flat
from sspo.runs.identity import LATER_OPTIONS, identity, level_of
from sspo.tasks import task_of

GROUPS = ("model", "prompt")
OF_ROLLOUT = ("engine", "decode")
"""Options of the rollout that affect the sampling of answers; here they appear without their group."""
OF_TRAINING = ("also", "overlong_buffer", "overlong_penalty")
QUESTIONS = "questions."
"""Prefix of the keys of questions, set by set."""
NUMBERS = "numbers"
"""The level of the code that gives the numbers (sspo/runs/epochs.py)."""
BASE = "base"
"""Value for the weights of a model that was not trained here."""


def asked(config: TrainConfig, trained: Trained | None) -> dict[str, Any]:
    """Return the options of an evaluation by their dotted names, with weights and questions by their content."""
    from sspo.models import device  # imports torch: not before the words are checked

    whole = identity(config)
    groups = {name: whole[name] for name in GROUPS if name in whole}
    groups["questions"] = _questions(config)
    groups["reward"] = {key: value for key, value in whole["reward"].items() if key not in OF_TRAINING}
    groups["evaluation"] = {
        key: value for key, value in whole["evaluation"].items() if key not in unread(config)
    }
    groups["evaluation"]["texts"] = config.evaluation.texts
    groups |= {key: whole["rollout"][key] for key in OF_ROLLOUT if key in whole["rollout"]}
    groups["stop"] = list(whole["rollout"].get("stop", ()))
    groups["precision"] = device.resolve_precision(
        config.model.precision, device.resolve_device(config.run.device)
    )
    groups["weights"] = BASE if trained is None else trained.sha256[:DIGITS]
    groups[NUMBERS] = level_of(config)
    options: dict[str, Any] = json.loads(json.dumps(flat(groups)))
    return options


def unread(config: TrainConfig) -> tuple[str, ...]:
    """Return options of the group `evaluation` that change no answer: questions count by content, and greedy answers
    are not drawn.
    """
    drawing = () if config.evaluation.temperatures else ("top_p", "top_k", "samples")
    return ("every", "curve_questions", "questions", *drawing)


def _questions(config: TrainConfig) -> dict[str, str]:
    """Return, by set, a hash of the ids, prompts and right answers."""
    task = task_of(config)
    count = config.evaluation.questions
    return {name: digest_of(task.eval_problems(name, count))[:DIGITS] for name in task.eval_sets}


def name_of(options: Mapping[str, Any]) -> str:
    """Return twelve hexadecimal digits that name an evaluation."""
    return content_hash(options)


def questions_of(options: Mapping[str, Any]) -> dict[str, str]:
    """Return, by set, the hash of its questions."""
    return {key.removeprefix(QUESTIONS): value for key, value in options.items() if key.startswith(QUESTIONS)}


def difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """Return how an existing evaluation differs, in words, or None if it is the same."""
    if there.get(NUMBERS) != here.get(NUMBERS):
        return f"code with different numbers began it, {there.get(NUMBERS) or 'epoch1'}, and this is {here.get(NUMBERS) or 'epoch1'}"
    for key in sorted({*there, *here}):
        if there.get(key) != here.get(key):
            one, other = (options.get(key, _usual(key)) for options in (there, here))
            return f"{key} is {shown(one)} there and {shown(other)} here"
    return None


def _usual(key: str) -> Any:
    """Return the default of an option that is left out at its default, or None if it has none."""
    group, _, label = (f"rollout.{key}" if key in OF_ROLLOUT else key).partition(".")
    usual: Any = asdict(TrainConfig()).get(group)
    return usual[label] if label in LATER_OPTIONS.get(group, ()) else None
