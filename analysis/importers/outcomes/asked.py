"""Sampling, grading and weights of one of our own evaluations, from its config.yaml and env.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.importers.outcomes.answers import last_part
from analysis.logs.run_files import DIVERGED, Damaged, setting, single
from sspo.config import RewardConfig
from sspo.errors import shown
from sspo.runs import runlog
from sspo.runs.epochs import order_name
from sspo.runs.identity import GRADED, GRADED_OPTIONS

SETTINGS = {
    "grader": "reward.name",
    "prompt": "prompt.template",
    "system prompt": "prompt.system",
    "model": "model.path",
    "top_p": "evaluation.top_p",
    "top_k": "evaluation.top_k",
    "engine": "rollout.engine",
    "max_tokens": "evaluation.max_tokens",
    "stream": "evaluation.stream",
    "batch": "evaluation.batch",
}
"""Keys of `Outcomes.scored_by` to options of config.yaml. Temperatures and k come from the rows."""
BEFORE = {
    "prompt": "none",
    "top_p": "1.0",
    "top_k": "0",
    "engine": "transformers",
    "stream": "batch",
    "numbers": "epoch1",
}
"""Values for folders written before such an option existed."""
NOTHING = "none"
"""An empty option."""
ASKED, QUESTIONS, TRAINED = "asked", "questions", "trained"
"""Keys of env.json: the options of an evaluation, the digest of each set's questions, and the run that was trained."""
ELSEWHERE = (
    *SETTINGS.values(),
    "stop",
    "numbers",
    "weights",
    "evaluation.questions",
    "evaluation.samples",
    "evaluation.temperatures",
    "evaluation.texts",
)
"""Options of `asked` that are not separate settings, like the groups below: they are read from config.yaml, the rows and the
digests, or are the subject of the comparison."""
COMPARED = ("model.", "task.", "questions.")
UNENDED = {"diverged": "that diverged", "failed": "that failed", "unfinished": "that has not finished"}


def scored_by(
    config: Mapping[str, Any], environment: Mapping[str, Any], rows: pd.DataFrame
) -> dict[str, str]:
    """Return the settings of an evaluation, the decoding of its rows, and the tool. Raises Damaged if a file is not valid."""
    found = {"tool": "sspo", **(BEFORE if config else {}), **_of_config(config)}
    found |= _of_environment(environment) if config else {}
    if found.get("stream") != "batch":  # then every answer has its own stream
        found.pop("batch", None)
    counts = rows.groupby(["set", "question", "mode", "temperature"]).size().unique()
    drawn = {
        "temperature": " and ".join(f"{t:g}" for t in sorted(rows["temperature"].unique())),
        "k": " and ".join(str(count) for count in sorted(counts)),
    }
    return found | {name: said for name, said in drawn.items() if said}


def _of_config(config: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, key in SETTINGS.items():
        if (one := setting(config, key)) is not None:
            found[name] = _text(last_part(one) if name == "model" else one, key)
    rollout = config.get("rollout")
    stop = rollout.get("stop") if isinstance(rollout, Mapping) else None
    if config:
        found["stop"] = _text(
            sorted(map(str, stop)) if isinstance(stop, list) else stop or "", "rollout.stop"
        )
        found.setdefault("system prompt", NOTHING)
    if found.get("grader") == GRADED:
        usual = dataclasses.asdict(RewardConfig())
        said = {key: setting(config, f"reward.{key}") for key in GRADED_OPTIONS}
        found |= {
            f"reward.{key}": str(one) for key, one in said.items() if one is not None and one != usual[key]
        }
    return found


def _of_environment(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that env.json records beyond the configuration."""
    options = environment.get(ASKED)
    if not isinstance(options, Mapping):
        hardware = environment.get("hardware")
        said = {
            "numbers": environment.get("epoch"),
            "precision": hardware.get("forward_dtype") if isinstance(hardware, Mapping) else None,
        }
        return {key: _text(one, key) for key, one in said.items() if one is not None}
    found = {"numbers": order_name(_text(options.get("numbers") or "", "numbers", ""))}
    if isinstance(template := options.get(SETTINGS["prompt"]), str):
        found["prompt"] = template  # a user's own file is identified by its content
    for key, one in options.items():
        if key not in ELSEWHERE and not key.startswith(COMPARED):
            found[key] = _text(one, key)
    return found


def _text(value: Any, key: str, empty: str = NOTHING) -> str:
    if isinstance(value, list):
        return " and ".join(_text(one, key) for one in value) or empty
    return " ".join(str(single(value, key, runlog.ENVIRONMENT)).split()) or empty


def questions(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return, by set, the digest of its questions; empty if none was recorded. Raises Damaged if the file is not valid."""
    found = environment.get(QUESTIONS) or {}
    if not isinstance(found, Mapping) or not all(isinstance(one, str) for one in found.values()):
        raise Damaged(runlog.ENVIRONMENT, f"{QUESTIONS} is {shown(found)}, expected one digest per set")
    return dict(found)


def whose_weights(environment: Mapping[str, Any], status: str) -> str:
    """Return a note if the weights, or a training run's own answers (of which `status` is the state), are not those of a completed
    run; else empty. Raises Damaged if the file is not valid."""
    if status == DIVERGED:
        return "The run diverged: its answers are those of its last finite weights."
    trained = environment.get(TRAINED)
    if trained is None:
        return ""
    if not isinstance(trained, Mapping):
        raise Damaged(runlog.ENVIRONMENT, f"{TRAINED} is {shown(trained)}, expected rollouts, of and state")
    state = single(trained.get("state"), f"{TRAINED}.state", runlog.ENVIRONMENT)
    if state == "done":
        return ""
    after, of = (
        single(trained.get(key), f"{TRAINED}.{key}", runlog.ENVIRONMENT) for key in ("rollouts", "of")
    )
    said = UNENDED.get(str(state), "whose end is not known")
    return f"The weights are those after rollout {after} of {of} of a run {said}."
