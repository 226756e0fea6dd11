"""evalscope: `reviews/<model>/<benchmark>_<subset>.jsonl` with predictions, reports and configs in the folders beside it.

A review is one sample; `group_id` numbers the question, `generation_index` its samples. The user's last message, rendered by
its template, identifies a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.importers.limits import MOST_SETTINGS_BYTES, clean
from analysis.importers.outcomes.answers import (
    AnswerCollector,
    decoding,
    last_part,
    merged,
    samples_of,
    settings,
)
from analysis.importers.outcomes.lines import objects, part, whole_object
from analysis.importers.outcomes.metric import chosen, is_number, share
from analysis.importers.outcomes.outcomes import Outcomes
from analysis.importers.settings import read_settings
from sspo.errors import UserError

REVIEWS, PREDICTIONS, REPORTS, CONFIGS = "reviews", "predictions", "reports", "configs"
CUT = ("max_tokens", "model_length", "length")
"""Stop reasons of truncated responses."""


def matches(row: Mapping[str, Any]) -> bool:
    """Return whether a JSON line is one of its reviews."""
    return row.keys() >= {"index", "sample_score"}


def read(files: Sequence[Path], asked: Sequence[str]) -> list[Outcomes]:
    """Read one evaluation per model and output folder, with its benchmarks and subsets as sets."""
    folders = dict.fromkeys(path.parent for path in files)
    return [
        _evaluation(folder, [path for path in files if path.parent == folder], asked) for folder in folders
    ]


def _beside(folder: Path, kind: str) -> Path | None:
    """Return the folder of a different kind for the same model."""
    found = folder.parent.parent / kind / folder.name
    return found if folder.parent.name == REVIEWS and found.is_dir() else None


def _evaluation(folder: Path, files: Sequence[Path], asked: Sequence[str]) -> Outcomes:
    used, reports = list(files), {}
    reports_folder = _beside(folder, REPORTS)
    for path in sorted(reports_folder.glob("*.json")) if reports_folder is not None else ():
        report = whole_object(path)
        if isinstance(report.get("metrics"), list):
            reports[path.stem] = report
            used.append(path)
    task, task_file = _task_config(folder)
    used += [task_file] if task_file is not None else []
    answers, said, notes = AnswerCollector(files[0].name if len(files) == 1 else folder.name), {}, list[str]()
    aggregates: dict[tuple[str, str], float] = {}
    metrics: dict[str, str] = {}
    for path in files:
        bench = max((name for name in reports if path.stem.startswith(f"{name}_")), key=len, default="")
        group, subset = path.stem, path.stem.removeprefix(f"{bench}_")
        report = reports.get(bench, {})
        metric = _add(answers, path, subset, asked, report, notes, task)
        metrics[group] = f"mean_{metric}"
        said[group] = _scored_by(task, bench or group, metric, answers, group)
        for name, value in _reported(report, subset).items():
            aggregates[group, name] = value
    predictions = _beside(folder, PREDICTIONS)
    used += [p for path in files if predictions is not None and (p := predictions / path.name).is_file()]
    scored_by = merged(said) | settings({"model": last_part(task.get("model_id")) or folder.name})
    note = "; ".join(dict.fromkeys(notes))
    return Outcomes(
        "evalscope",
        tuple(used),
        folder.name,
        answers.frame(),
        scored_by,
        aggregates,
        note=note,
        metrics=metrics,
    )


def _task_config(folder: Path) -> tuple[dict[str, Any], Path | None]:
    configs = folder.parent.parent / CONFIGS
    found = sorted(configs.glob("task_config*.yaml")) if folder.parent.name == REVIEWS else []
    return (read_settings(found[0], MOST_SETTINGS_BYTES), found[0]) if len(found) == 1 else ({}, None)


def _add(
    answers: AnswerCollector, path: Path, subset: str, asked: Sequence[str], report: Mapping[str, Any], notes: list[str],
    task: Mapping[str, Any],
) -> str:  # fmt: skip
    """Add a file's answers, and return the metric that scores them."""
    rows, names = [], dict[str, None]()
    for number, row in objects(path, notes):
        scores = part(row, "sample_score", "score", "value")
        if not matches(row) or not isinstance(scores, Mapping):
            raise UserError(f"{clean(path.name)} line {number} is not a review of evalscope")
        names.update(dict.fromkeys(name for name, value in scores.items() if is_number(value)))
        rows.append((number, row, scores))
    primary = part(report, "primary_metric_identity", "name")
    metric = chosen(names, asked, clean(path.name), [primary] if isinstance(primary, str) else [])
    _check_whole(path, report, len(rows), subset)
    generated, drawn_as = _predictions(path), part(task, "generation_config") or {}
    drawn = decoding(part(drawn_as, "temperature"), part(drawn_as, "do_sample"))
    for number, row, scores in rows:
        if metric not in scores:
            raise UserError(f"{clean(path.name)} line {number} has no {metric}: that sample was not scored")
        about = row["sample_score"]
        name = about.get("group_id") if about.get("group_id") is not None else about.get("sample_id")
        sample = about.get("generation_index")
        said = part(about, "score", "extracted_prediction")
        tokens, truncated = generated.get(row["index"], (float("nan"), None))
        answers.add(
            path.stem, name, _asked(row), share(scores[metric], metric, clean(path.name)), drawn=drawn,
            sample=sample if isinstance(sample, int) else None, tokens=tokens, truncated=truncated,
            answer=said if isinstance(said, str) and said else None, found=said != "",
        )  # fmt: skip
    return metric


def _asked(row: Mapping[str, Any]) -> str:
    """Return the user's last message."""
    messages = row.get("messages")
    listed = [m for m in messages if isinstance(m, Mapping)] if isinstance(messages, list) else []
    texts = [m.get("content") for m in listed if m.get("role") == "user"]
    return str(texts[-1]) if texts and texts[-1] else ""


def _predictions(path: Path) -> dict[Any, tuple[float, bool | None]]:
    """Return, by index, the tokens of a response and whether it was truncated, as far as the predictions record it."""
    folder = _beside(path.parent, PREDICTIONS)
    found: dict[Any, tuple[float, bool | None]] = {}
    if folder is None or not (folder / path.name).is_file():
        return found
    for _, row in objects(folder / path.name):
        choices = part(row, "model_output", "choices")
        stop = part(choices[0], "stop_reason") if isinstance(choices, list) and choices else None
        tokens = part(row, "model_output", "usage", "output_tokens")
        known = float(tokens) if isinstance(tokens, int) and 0 <= tokens < 2**31 else float("nan")
        index = row.get("index")
        if isinstance(index, int | str):
            found[index] = known, stop in CUT if isinstance(stop, str) and stop != "unknown" else None
    return found


def _check_whole(path: Path, report: Mapping[str, Any], count: int, subset: str) -> None:
    about = part(report, "execution_summary")
    if part(about, "incomplete") is True:
        raise UserError(
            f"{clean(path.name)} is incomplete: according to its report, {part(about, 'errored')} of "
            f"{part(about, 'requested')} samples failed"
        )
    wanted = part(about, "subsets", subset, "succeeded")
    if isinstance(wanted, int) and count != wanted:
        raise UserError(
            f"{clean(path.name)} is incomplete: it has {count} samples of the {wanted} in its report"
        )


def _reported(report: Mapping[str, Any], subset: str) -> dict[str, float]:
    """Return a subset's scores in its report, which rounds them to four digits."""
    found = {}
    for metric in report.get("metrics") or ():
        name, how = part(metric, "identity", "name"), part(metric, "identity", "aggregation")
        dimensions = part(metric, "identity", "dimensions") or {}
        label = ",".join([f"{how}_{name}", *(f"{k}={v}" for k, v in dimensions.items())])
        for category in part(metric, "categories") or ():
            for one in part(category, "subsets") or ():
                if part(one, "name") == subset and is_number(part(one, "score")):
                    found[label] = float(one["score"])
    return found


def _scored_by(
    task: Mapping[str, Any], bench: str, metric: str, answers: AnswerCollector, group: str
) -> dict[str, str]:
    drawn = part(task, "generation_config") or {}
    about = part(task, "resolved_benchmarks", bench) or part(task, "dataset_args", bench) or {}
    version = part(task, "evaluation_identity", "benchmarks", bench, "evaluation_version")
    return settings(
        {
            "tool": "evalscope",
            "version": task.get("evalscope_version"),
            "grader": f"{metric} of {bench}" + (f" {version}" if isinstance(version, str) else ""),
            "prompt": part(about, "prompt_template"),
            "temperature": 0.0 if part(drawn, "do_sample") is False else part(drawn, "temperature"),
            "top_p": part(drawn, "top_p"),
            "max_tokens": part(drawn, "max_tokens"),
            "k": samples_of(row for row in answers.rows if row.set == group),
            "fewshot": part(about, "few_shot_num"),
        }
    )
