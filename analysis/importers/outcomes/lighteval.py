"""lighteval: `details/<model>/<date>/details_<task>_<date>.parquet` with `results/<model>/results_<date>.json`.

A row is a question; a metric over several samples (avg@n, pass@k) is one number of it, so a question has one row. Both names
contain the date of the evaluation. Lengths are not read: responses are stored padded to the longest of their batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.importers.limits import MOST_BYTES, check_file, clean
from analysis.importers.outcomes.answers import AnswerCollector, decoding, last_part, merged, settings
from analysis.importers.outcomes.lines import part, whole_object
from analysis.importers.outcomes.metric import chosen, is_number, share
from analysis.importers.outcomes.outcomes import Outcomes
from sspo.errors import UserError

COLUMNS = {"doc", "metric", "model_response"}
NAME = re.compile(r"details_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+)\.parquet")
BATCH = 256
"""Rows in memory at a time."""


def matches(columns: set[str]) -> bool:
    """Return whether a Parquet file of these columns is one of its details."""
    return columns >= COLUMNS


def read(files: Sequence[Path], asked: Sequence[str]) -> list[Outcomes]:
    """Read one evaluation per folder (which is one date), with its tasks as sets."""
    folders = dict.fromkeys(path.parent for path in files)
    return [
        _evaluation(folder, [path for path in files if path.parent == folder], asked) for folder in folders
    ]


def _evaluation(folder: Path, files: Sequence[Path], asked: Sequence[str]) -> Outcomes:
    results_file = _results_file(files[0])
    results = whole_object(results_file) if results_file is not None else {}
    answers, said = AnswerCollector(clean(files[0].name if len(files) == 1 else folder.name)), {}
    aggregates: dict[tuple[str, str], float] = {}
    metrics: dict[str, str] = {}
    generation = part(results, "config_general", "model_config", "generation_parameters")
    for path in files:
        rows = _rows(path)
        names = dict.fromkeys(n for row in rows for n, v in (row["metric"] or {}).items() if is_number(v))
        metric = chosen(names, asked, clean(path.name))
        full = str(part(rows[0], "doc", "task_name") or path.stem)
        group = full.split("|")[0]
        metrics[group] = metric
        for row in rows:
            _add(answers, group, row, metric, path, generation)
        said[group] = _scored_by(results, full, metric, rows[0], generation)
        reported = part(results, "results", full) or {}
        aggregates |= {
            (group, n): float(v) for n, v in reported.items() if is_number(v) and not n.endswith("_stderr")
        }
    model = last_part(part(results, "config_general", "model_name"))
    used = [*files, *([results_file] if results_file is not None else [])]
    scored_by = merged(said) | settings({"model": model})
    return Outcomes(
        "lighteval",
        tuple(used),
        model or folder.name,
        answers.frame(),
        scored_by,
        aggregates,
        metrics=metrics,
    )


def _results_file(details: Path) -> Path | None:
    """Return the results file of the same date: beside the details, or in `results/` next to `details/`."""
    found = NAME.fullmatch(details.name)
    if found is None:
        return None
    name, folders = f"results_{found['date']}.json", [details.parent]
    for up in details.parents:
        if up.name == "details":
            folders.append(up.parent / "results" / details.parent.parent.relative_to(up))
    return next((path for folder in folders if (path := folder / name).is_file()), None)


def _rows(path: Path) -> list[dict[str, Any]]:
    """Read the needed part of every row. Raises UserError if the file is damaged or too large."""
    check_file(path)
    try:
        table = pq.ParquetFile(path)
        about = table.metadata
        unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if unpacked > MOST_BYTES:
            raise UserError(
                f"{clean(path.name)} unpacks to {unpacked:,} bytes: at most {MOST_BYTES:,} are read"
            )
        batches = table.iter_batches(batch_size=BATCH, columns=sorted(COLUMNS))
        rows = [_kept(row) for batch in batches for row in batch.to_pylist()]
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        words = clean(" ".join(str(error).split()))[:120]
        raise UserError(f"{clean(path.name)} cannot be read as Parquet ({words}): copy it again") from error
    if not rows:
        raise UserError(f"{clean(path.name)} has no answer")
    return rows


def _kept(row: Mapping[str, Any]) -> dict[str, Any]:
    doc = {
        name: part(row, "doc", name)
        for name in ("id", "query", "task_name", "num_samples", "generation_size")
    }
    metric = row["metric"] if isinstance(row["metric"], dict) else {}
    return {
        "doc": doc,
        "metric": {name: value for name, value in metric.items() if is_number(value)},
        "responses": len(part(row, "model_response", "text") or ()),
    }


def _add(
    answers: AnswerCollector, group: str, row: Mapping[str, Any], metric: str, path: Path, generation: Any
) -> None:
    if metric not in row["metric"]:
        raise UserError(f"{clean(path.name)} has a question without {metric}: the evaluation is incomplete")
    doc = row["doc"]
    value = share(row["metric"][metric], metric, clean(path.name))
    drawn = decoding(part(generation, "temperature"))
    answers.add(group, doc["id"], str(doc["query"] or ""), value, drawn=drawn)


def _scored_by(
    results: Mapping[str, Any], full: str, metric: str, row: Mapping[str, Any], generation: Any
) -> dict[str, str]:
    task = full.split("|")[0]
    config = part(results, "config_tasks", full) or part(results, "config_tasks", task) or {}
    version = part(config, "version")
    return settings(
        {
            "tool": "lighteval",
            "grader": f"{metric} of {task}" + (f" {version}" if is_number(version) else ""),
            "temperature": part(generation, "temperature"),
            "top_p": part(generation, "top_p"),
            "max_tokens": part(generation, "max_new_tokens") or part(config, "generation_size"),
            "k": row["responses"],
            "fewshot": full.rsplit("|", 1)[1] if "|" in full else None,
        }
    )
