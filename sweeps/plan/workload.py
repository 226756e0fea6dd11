"""How much work a run is: what decides its duration besides the machine. Runs that agree in it are like each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Workload = str
"""Equal texts are equal amounts of work."""
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


def workload(config: Mapping[str, Any]) -> Workload:
    """The amount of work of a run from its resolved config, which may be that of an older version of the code.

    Objective, segmentation and learning rate are no part of it: they change how long answers get, not what is asked for.
    """
    options = [config.get(group, {}).get(key) for group, key in OPTIONS]
    reference = bool((config.get("objective", {}).get("kl") or {}).get("coef"))
    evaluation = dict(config.get("evaluation", {}))
    return json.dumps([options, reference, evaluation], sort_keys=True)
