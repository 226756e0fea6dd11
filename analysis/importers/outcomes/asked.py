"""How an evaluation of ours was drawn and graded, and whose weights were asked, after its config.yaml and env.json."""

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
"""What `Outcomes.scored_by` calls an option that config.yaml holds. Temperatures and k are those of the rows."""
BEFORE = {
    "prompt": "none",
    "top_p": "1.0",
    "top_k": "0",
    "engine": "transformers",
    "stream": "batch",
    "numbers": "epoch1",
}
"""What holds in folders from before there was such an option."""
NOTHING = "none"
"""An empty option."""
ASKED, QUESTIONS, TRAINED = "asked", "questions", "trained"
"""Where env.json holds the options of an evaluation, the digest of what each set asked, and the run that was trained."""
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
"""Options that are read from config.yaml, the rows and the digests, and what evaluations are compared for: of `asked`, these
and the groups below are no settings of their own."""
COMPARED = ("model.", "task.", "questions.")
UNENDED = {"diverged": "that diverged", "failed": "that failed", "unfinished": "that is not finished"}


def scored_by(
    config: Mapping[str, Any], environment: Mapping[str, Any], rows: pd.DataFrame
) -> dict[str, str]:
    """Settings of an evaluation, what its rows say of their drawing, and the tool. Raises Damaged."""
    found = {"tool": "sspo", **(BEFORE if config else {}), **_of_config(config)}
    found |= _of_environment(environment) if config else {}
    if found.get("stream") != "batch":  # every answer has a stream of its own then
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
    """What env.json says beyond the configuration."""
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
        found["prompt"] = template  # a file of one's own by its content
    for key, one in options.items():
        if key not in ELSEWHERE and not key.startswith(COMPARED):
            found[key] = _text(one, key)
    return found


def _text(value: Any, key: str, empty: str = NOTHING) -> str:
    if isinstance(value, list):
        return " and ".join(_text(one, key) for one in value) or empty
    return " ".join(str(single(value, key, runlog.ENVIRONMENT)).split()) or empty


def questions(environment: Mapping[str, Any]) -> dict[str, str]:
    """By set, the digest of its questions; empty where none was noted. Raises Damaged."""
    found = environment.get(QUESTIONS) or {}
    if not isinstance(found, Mapping) or not all(isinstance(one, str) for one in found.values()):
        raise Damaged(runlog.ENVIRONMENT, f"{QUESTIONS} is {shown(found)}, want a digest a set")
    return dict(found)


def whose_weights(environment: Mapping[str, Any], status: str) -> str:
    """That weights, or a training run's own answers (of which `status` is the state), are not those of a run that came to its
    end; empty where they are. Raises Damaged."""
    if status == DIVERGED:
        return "The run diverged: its answers are those of its last finite weights."
    trained = environment.get(TRAINED)
    if trained is None:
        return ""
    if not isinstance(trained, Mapping):
        raise Damaged(runlog.ENVIRONMENT, f"{TRAINED} is {shown(trained)}, want rollouts, of and state")
    state = single(trained.get("state"), f"{TRAINED}.state", runlog.ENVIRONMENT)
    if state == "done":
        return ""
    after, of = (
        single(trained.get(key), f"{TRAINED}.{key}", runlog.ENVIRONMENT) for key in ("rollouts", "of")
    )
    said = UNENDED.get(str(state), "of which no end is known")
    return f"The weights are those after rollout {after} of {of} of a run {said}."
