"""The amount of work of a run: the options that decide its duration besides the machine. Runs of equal workload are comparable."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sspo.config import EvaluationConfig

Workload = str
"""Equal texts mean equal amounts of work."""
OPTIONS = (
    ("model", "path"),
    ("rollout", "prompts"),
    ("rollout", "responses"),
    ("rollout", "max_tokens"),
    ("rollout", "resample"),
    ("trainer", "rollouts"),
    ("trainer", "minibatch"),
    ("trainer", "epochs"),
    ("trainer", "micro_batch_tokens"),
)
SWITCHED = (("task", "eval"), ("trainer", "gradient_checkpointing"), ("trainer", "verl"))
"""Options that count if they are set: an older configuration that lacks them counts as unset."""
USUAL_ENGINE, USUAL_BACKEND = "transformers", "sspo"
"""The engine and the backend if a configuration of older code does not name them."""


def workload(config: Mapping[str, Any]) -> Workload:
    """Return the amount of work of a run from its resolved config, which may be that of an older version of the code.

    Objective, segmentation and learning rate are not part of it: they change how long answers become, not how many are sampled.
    """
    options: list[Any] = [config.get(group, {}).get(key) for group, key in OPTIONS]
    engine = config.get("rollout", {}).get("engine", USUAL_ENGINE)
    if engine != USUAL_ENGINE:
        options.append(engine)
    backend = config.get("trainer", {}).get("backend", USUAL_BACKEND)
    if backend != USUAL_BACKEND:
        options.append(f"trained by {backend}")
    options += [value for group, key in SWITCHED if (value := config.get(group, {}).get(key))]
    rank = (config.get("model", {}).get("lora") or {}).get("rank")
    if rank:
        options.append(f"adapters of rank {rank}")
    reference = bool((config.get("objective", {}).get("kl") or {}).get("coef"))
    evaluation = {
        key: value
        for key, value in _plain(config.get("evaluation", {})).items()
        if value != _usual().get(key)
    }
    return json.dumps([options, reference, evaluation], sort_keys=True)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as a file stores them: lists in place of tuples."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(values)))
    return plain


@functools.cache
def _usual() -> Mapping[str, Any]:
    """Return the defaults of evaluation: an older configuration without an option counts as using its default."""
    return _plain(asdict(EvaluationConfig()))
