"""Defaults that depend on the model: an evaluation that takes seconds at 0.3 M parameters takes an hour at 135 M.

Hydra's schema holds null for these options, and null becomes a value here, before anything is built or hashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sspo.config.schema import (
    EMBEDDED_BASES,
    OWN_BACKEND,
    OWN_ENGINE,
    EvaluationConfig,
    RolloutConfig,
    TrainerConfig,
)

Option = int | str | bool
OF_OTHERS: Mapping[str, Mapping[str, Option]] = {
    "rollout": {"decode": "lean"},
    "trainer": {"logits": "chunked", "optimizer": "adamw_fused"},
    "evaluation": {
        "questions": 50,
        "samples": 1,
        "every": 0,
        "curve_questions": 8,
        "batch": 64,
        "stream": "sample",
        "texts": True,
    },
}
"""Defaults of models that are not embedded. evaluation.every is 0: without a curve, training starts with the first
rollout.
"""
OF_BACKENDS: Mapping[str, Mapping[str, Option]] = {
    "trl": {"logits": "full"},
    "verl": {"logits": "full", "optimizer": "adamw"},
}
"""Where a backend has forward passes or an optimizer of its own."""
OF_LEAN = ("auto", "sdpa")
"""Values of model.attention that the lean paths support, which have their own; with a different one, decoding is plain.
"""
OF_EMBEDDED = {"rollout": RolloutConfig(), "trainer": TrainerConfig(), "evaluation": EvaluationConfig()}
LENGTH = "max_tokens"
"""The option of an evaluation that other models copy from the rollout's option of that name."""


def names_in(group: str) -> tuple[str, ...]:
    """Return the options of a group that depend on the model."""
    return (*OF_OTHERS[group], *([LENGTH] if group == "evaluation" else []))


def unset(values: dict[str, Any]) -> dict[str, Any]:
    """Return the schema's defaults, with null where they depend on the model."""
    return values | {group: {**values[group], **dict.fromkeys(names_in(group))} for group in OF_OTHERS}


def fitted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values in which every null has the default that fits the model. A value that is not a group is unchanged.

    A response of an evaluation is as long as one of the training, unless the model is embedded.
    """
    groups = {name: values[name] for name in ("model", *OF_OTHERS) if isinstance(values.get(name), Mapping)}
    if len(groups) <= len(OF_OTHERS):
        return dict(values)
    embedded = groups["model"].get("path") in EMBEDDED_BASES
    others = dict(OF_OTHERS)
    lean = groups["model"].get("attention", OF_LEAN[0]) in OF_LEAN
    if not lean or groups["rollout"].get("engine", OWN_ENGINE) != OWN_ENGINE:
        others["rollout"] = {"decode": "plain"}
    others["trainer"] = {
        **OF_OTHERS["trainer"],
        **OF_BACKENDS.get(groups["trainer"].get("backend", OWN_BACKEND), {}),
    }
    filled = {}
    for name in OF_OTHERS:
        defaults = (
            {option: getattr(OF_EMBEDDED[name], option) for option in names_in(name)}
            if embedded
            else {**others[name], LENGTH: groups["rollout"].get(LENGTH)}
        )
        filled[name] = {k: defaults.get(k) if v is None else v for k, v in groups[name].items()}
    return {**values, **filled}
