"""Evaluation folders as `python -m sspo.evaluate` leaves them, with answers that a test gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sspo.runs.runlog import CONFIG, DONE, ENVIRONMENT, EVAL

Answers = Mapping[str, Sequence[Sequence[float]]]
"""By set, the values of each question's samples."""


def rows(
    answers: Answers,
    temperature: float = 1.0,
    said: Mapping[tuple[str, int], Sequence[str | None]] | None = None,
) -> list[dict[str, Any]]:
    """Lines of eval.jsonl; with `said`, by set and question, also what each sample answered."""
    found = []
    for name, questions in answers.items():
        for q, samples in enumerate(questions):
            for sample, value in enumerate(samples):
                row = {
                    "rollout": -1,
                    "final": True,
                    "set": name,
                    "question": f"{name}/{q}",
                    "mode": "sampled" if temperature else "greedy",
                    "temperature": temperature,
                    "sample": sample,
                    "value": value,
                    "status": "ok" if value else "wrong",
                    "tokens": 10 + q,
                }
                if said is not None:
                    row |= {"answer": said[name, q][sample], "response": f"It is {said[name, q][sample]}.\n"}
                found.append(row)
    return found


def write_evaluation(
    folder: Path,
    lines: Sequence[Mapping[str, Any]],
    *,
    done: bool = True,
    model: str = "toy",
    template: str = "chat",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> Path:
    """A folder with these lines, finished or not; `options` of config.yaml and `environment` of env.json come on top."""
    folder.mkdir(parents=True)
    config: dict[str, dict[str, Any]] = {
        "model": {"path": f"models/{model}"},
        "prompt": {"template": template},
        "reward": {"name": "math_verify"},
        "evaluation": {
            "samples": 4,
            "temperatures": [1.0],
            "top_p": 1.0,
            "max_tokens": 64,
            "stream": "sample",
        },
    }
    for group, more in (options or {}).items():
        config[group] = config.get(group, {}) | dict(more)
    (folder / CONFIG).write_text(yaml.safe_dump(config))
    (folder / ENVIRONMENT).write_text(json.dumps({"weights": None, **(environment or {})}))
    log = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (folder / EVAL).write_bytes(log)
    if done:
        extent = {"size": len(log), "sha256": hashlib.sha256(log).hexdigest()}
        (folder / DONE).write_text(json.dumps({"answers": len(lines), "logs": {EVAL: extent}}))
    return folder
