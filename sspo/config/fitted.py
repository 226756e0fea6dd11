"""Defaults that depend on the model: an evaluation that takes seconds at 0.3 M parameters takes an hour at 135 M.

Hydra's schema holds null for these options, and null becomes a number here, before anything is built or hashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sspo.config.schema import EMBEDDED_BASES, EvaluationConfig

GROUP = "evaluation"
OF_OTHERS: Mapping[str, int | str | bool] = {
    "questions": 50,
    "samples": 1,
    "every": 0,
    "curve_questions": 8,
    "batch": 64,
    "stream": "sample",
    "texts": True,
}
"""The evaluation of models that are not embedded. `every` is 0: no curve, so the first rollout comes first."""
FITTED = (*OF_OTHERS, "max_tokens")


def unset(values: dict[str, Any]) -> dict[str, Any]:
    """The schema's defaults with null where they depend on the model."""
    return {**values, GROUP: {**values[GROUP], **dict.fromkeys(FITTED)}}


def fitted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values in which what was left at null has the default that fits the model. What is no group stays as it is.

    A response of an evaluation is as long as one of the training, unless the model is embedded.
    """
    given, model, rollout = values.get(GROUP), values.get("model"), values.get("rollout")
    if not (isinstance(given, Mapping) and isinstance(model, Mapping) and isinstance(rollout, Mapping)):
        return dict(values)
    if model.get("path") in EMBEDDED_BASES:
        defaults = {name: getattr(EvaluationConfig(), name) for name in FITTED}
    else:
        defaults = {**OF_OTHERS, "max_tokens": rollout.get("max_tokens")}
    return {**values, GROUP: {k: defaults.get(k) if v is None else v for k, v in given.items()}}
