"""lm-evaluation-harness: `samples_<task>_<date>.jsonl` with the `results_<date>.json` beside it (--log_samples).

A row is a document and a filter, and a filter turns all responses to a document into one graded answer: so a question has one
row, whatever `repeats` is. Metrics are named as in the results file, `exact_match,strict-match`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.importers.limits import clean
from analysis.importers.outcomes.answers import (
    GREEDY,
    AnswerCollector,
    DecodingSettings,
    decoding,
    last_part,
    merged,
    settings,
)
from analysis.importers.outcomes.lines import objects, part, whole_object
from analysis.importers.outcomes.metric import chosen, is_number, share
from analysis.importers.outcomes.outcomes import Outcomes
from sspo.errors import UserError

NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+)\.jsonl")
INVALID = "[invalid]"
"""The result of its filters if they find no answer."""


def matches(row: Mapping[str, Any]) -> bool:
    """Return whether a JSON line is one of its samples."""
    return row.keys() >= {"filtered_resps", "resps", "arguments", "doc"}


@dataclass
class _Task:
    """The rows of one file: the kept values by (document, filter)."""

    path: Path
    name: str
    date: str
    rows: list[tuple[Any, str, str, Mapping[str, float], Any, int, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    metrics: dict[str, None] = field(default_factory=dict)


def read(files: Sequence[Path], asked: Sequence[str]) -> list[Outcomes]:
    """Read one evaluation per folder and date, with its tasks as sets."""
    tasks = [_task(path) for path in files]
    dates = dict.fromkeys((task.path.parent, task.date) for task in tasks)
    return [_evaluation(*at, [t for t in tasks if (t.path.parent, t.date) == at], asked) for at in dates]


def _task(path: Path) -> _Task:
    found = NAME.fullmatch(path.name)
    task = _Task(path, found["task"] if found else path.stem, found["date"] if found else "")
    for number, row in objects(path, task.notes):
        if not matches(row):
            raise UserError(f"{clean(path.name)} line {number} is not a sample of lm-eval")
        key, names = str(row.get("filter", "none")), row.get("metrics")
        listed = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        values = {f"{name},{key}": row[name] for name in listed if is_number(row.get(name))}
        task.metrics.update(dict.fromkeys(values))
        filtered, responses = row["filtered_resps"], row["resps"]
        answer = filtered[0] if isinstance(filtered, list) and len(filtered) == 1 else None
        first = responses[0] if isinstance(responses, list) and responses else None
        k = len(first) if isinstance(first, list) else 1
        text = (
            str(row.get("doc_hash") or row.get("prompt_hash") or "") if row.get("doc_id") is not None else ""
        )
        generated = part(row["arguments"], "gen_args_0", "arg_1")
        task.rows.append((row.get("doc_id"), text, key, values, answer, k, generated))
    return task


def _evaluation(folder: Path, date: str, tasks: list[_Task], asked: Sequence[str]) -> Outcomes:
    results_file = _results_file(folder, date)
    results = whole_object(results_file) if results_file is not None else {}
    answers = AnswerCollector(tasks[0].path.name if len(tasks) == 1 else folder.name)
    said: dict[str, dict[str, str]] = {}
    aggregates: dict[tuple[str, str], float] = {}
    metrics: dict[str, str] = {}
    for task in tasks:
        metric = chosen(task.metrics, asked, f"{task.name} in {clean(task.path.name)}")
        metrics[task.name] = metric
        drawn = _add(answers, task, metric)
        _check_whole(task, metric, part(results, "n-samples", task.name, "effective"))
        said[task.name] = _scored_by(results, task, metric, drawn)
        values = part(results, "results", task.name) or {}
        aggregates |= {
            (task.name, str(k)): float(v)
            for k, v in values.items()
            if "," in k and "_stderr," not in k and is_number(v)
        }
    model = last_part(part(results, "config", "model_args", "pretrained")) or last_part(
        results.get("model_name")
    )
    files = [task.path for task in tasks] + ([results_file] if results_file is not None else [])
    scored_by = merged(said) | settings({"model": model})
    note = "; ".join(dict.fromkeys(note for task in tasks for note in task.notes))
    return Outcomes(
        "lm-eval",
        tuple(files),
        model or folder.name,
        answers.frame(),
        scored_by,
        aggregates,
        note=note,
        metrics=metrics,
    )


def _results_file(folder: Path, date: str) -> Path | None:
    path = folder / f"results_{date}.json"
    return path if date and path.is_file() else None


def _add(answers: AnswerCollector, task: _Task, metric: str) -> list[DecodingSettings]:
    """Add a task's answers, and return their decodings."""
    drawn = []
    for doc, text, key, values, answer, _, generated in task.rows:
        if metric.endswith(f",{key}") and metric in values:
            drawn.append(_drawn(generated))
            value = share(values[metric], metric, clean(task.path.name))
            said = answer if isinstance(answer, str) and answer != INVALID else None
            answers.add(
                task.name, doc, text, value, drawn=drawn[-1], answer=said, found=answer != INVALID, sample=0
            )
    return drawn


def _drawn(generated: Any) -> DecodingSettings:
    """Return the decoding of a row: greedy if choices are compared and nothing is generated."""
    if not isinstance(generated, Mapping):
        return GREEDY
    return decoding(generated.get("temperature"), generated.get("do_sample"))


def _check_whole(task: _Task, metric: str, wanted: Any) -> None:
    count = sum(metric in row[3] for row in task.rows)
    if isinstance(wanted, int) and count != wanted:
        raise UserError(
            f"{clean(task.path.name)} is incomplete: it has {count} documents of the {wanted} in its results file"
        )


def _scored_by(
    results: Mapping[str, Any], task: _Task, metric: str, drawn: Sequence[DecodingSettings]
) -> dict[str, str]:
    config = part(results, "configs", task.name) or {}
    generated = task.rows[0][6] if task.rows and isinstance(task.rows[0][6], Mapping) else {}
    temperature = generated.get("temperature") if drawn and drawn[0] != GREEDY else 0.0
    template = results.get("chat_template_sha")
    prompt = part(config, "doc_to_text")
    version = part(results, "versions", task.name)
    return settings(
        {
            "tool": "lm-eval",
            "version": results.get("lm_eval_version"),
            "grader": f"{metric} of {task.name}" + (f" {version:g}" if is_number(version) else ""),
            "prompt": f"{prompt} (chat template {template[:8]})"
            if prompt and isinstance(template, str)
            else prompt,
            "temperature": temperature if drawn else None,
            "top_p": generated.get("top_p"),
            "max_tokens": generated.get("max_gen_toks"),
            "k": task.rows[0][5] if task.rows else None,
            "fewshot": part(results, "n-shot", task.name),
        }
    )
