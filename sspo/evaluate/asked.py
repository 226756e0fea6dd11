"""What makes two evaluations the same one: all that can change a row, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sspo.config import TrainConfig
from sspo.errors import shown
from sspo.evaluate.subject import Trained
from sspo.questions.question_set import digest_of
from sspo.runs.epochs import flat
from sspo.runs.identity import DIGITS, identity, level_of
from sspo.tasks import task_of

GROUPS = ("model", "prompt")
OF_TRAINING = ("also", "overlong_buffer", "overlong_penalty")
NUMBERS = "numbers"
"""The level of the code that gives them (sspo/runs/epochs.py)."""
BASE = "base"
"""Stands for the weights of a model that was not trained here."""


def asked(config: TrainConfig, trained: Trained | None) -> dict[str, Any]:
    """The options of an evaluation by their dotted names, its weights and its questions by their content."""
    whole = identity(config)
    groups = {name: whole[name] for name in GROUPS if name in whole}
    groups["questions"] = questions(config)
    groups["reward"] = {key: value for key, value in whole["reward"].items() if key not in OF_TRAINING}
    groups["evaluation"] = {
        key: value for key, value in whole["evaluation"].items() if key not in unread(config)
    }
    groups["evaluation"]["texts"] = config.evaluation.texts
    groups["stop"] = list(whole["rollout"].get("stop", ()))
    groups["precision"] = _precision(config.run.device)
    groups["weights"] = BASE if trained is None else trained.sha256[:DIGITS]
    groups[NUMBERS] = level_of(config)
    options: dict[str, Any] = json.loads(json.dumps(flat(groups)))
    return options


def unread(config: TrainConfig) -> tuple[str, ...]:
    """Options of the group `evaluation` that change no answer: what is asked is in `questions`, and greedy answers are not drawn."""
    drawing = () if config.evaluation.temperatures else ("top_p", "samples")
    return ("every", "curve_questions", "questions", *drawing)


def questions(config: TrainConfig) -> dict[str, str]:
    """By set, a hash of the ids, prompts and right answers that are asked."""
    task = task_of(config)
    count = config.evaluation.questions
    return {name: digest_of(task.eval_problems(name, count))[:DIGITS] for name in task.eval_sets}


def _precision(device: str) -> str:
    """In which a forward pass runs; torch is asked only where the answer depends on what there is."""
    if device == "cpu":
        return "float32"
    from sspo.models.device import resolve_device

    return "bfloat16" if resolve_device(device).type == "cuda" else "float32"


def name_of(options: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that name an evaluation."""
    text = json.dumps(options, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def difference(there: Mapping[str, Any], here: Mapping[str, Any]) -> str | None:
    """In what an evaluation that is there differs, in words; None where it is the same."""
    if there.get(NUMBERS) != here.get(NUMBERS):
        return f"code with other numbers began it, {there.get(NUMBERS) or 'epoch1'}, and this is {here.get(NUMBERS) or 'epoch1'}"
    for key in sorted({*there, *here}):
        if there.get(key) != here.get(key):
            return f"{key} is {shown(there.get(key))} there and {shown(here.get(key))} here"
    return None
