"""Compact logs: the part of all run folders of a study that its report is made from, small enough to commit.

    manifest.json  the study manifest            metrics.parquet  one row per optimizer step
    runs.json      one record per planned run    eval.parquet     one row per question and sample
    contamination.json                           samples.parquet  one row per sampled response to show, if there are any
      rates of checks, if there are any          timing.parquet   one row per run and rollout, if any run logged seconds
    registration.json, looks.json
      copies of the registration and of the looks before the study's end, if it is registered (analysis.registration.kept)

Column `run` is the index of the run in runs.json. Equal content gives equal bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.logs.contamination import CheckedSet, read_contamination
from analysis.logs.manifest import ARMS, TUNING, from_manifest, part, read_json
from analysis.logs.sample_table import SAMPLES, read_samples, write_samples
from analysis.logs.samples import Sample
from analysis.logs.timing import read_timing, write_timing
from sspo.config import json_file
from sspo.errors import UserError
from sspo.metrics import GLOSSARY, OPTION_KEYS
from sspo.runs.runlog import write_atomic

MANIFEST, RUNS, METRICS, EVAL = "manifest.json", "runs.json", "metrics.parquet", "eval.parquet"
REGISTRATION, LOOKS = "registration.json", "looks.json"

MANY_COLUMNS = 1_000
"""Threshold for imported metrics: with more columns, Parquet's bookkeeping per column takes longer than the numbers."""
SWAPPED = {
    "rollout/truncated_frac": "rollout/unparsable_frac",
    "rollout/unparsable_frac": "rollout/truncated_frac",
}
"""Columns whose order is swapped relative to the glossary's rows: committed files depend on both orders."""
METRIC_KEYS = tuple(SWAPPED.get(key, key) for key, entry in GLOSSARY.items() if entry.compact)
OPTIONAL_METRICS = tuple(key for key in METRIC_KEYS if key in OPTION_KEYS)
"""Columns that exist only if a run logged them."""

METRIC_SCHEMA = pa.schema(
    [("run", pa.int16()), ("step", pa.int32()), ("rollout", pa.int16()), ("update", pa.int16())]
    + [(key, pa.float32()) for key in METRIC_KEYS]
)
CATEGORY = pa.dictionary(pa.int32(), pa.string())
EVAL_SCHEMA = pa.schema(
    [
        ("run", pa.int16()),
        ("rollout", pa.int16()),
        ("final", pa.bool_()),
        ("set", CATEGORY),
        ("question", CATEGORY),
        ("mode", CATEGORY),
        ("temperature", pa.float64()),
        ("sample", pa.int16()),
        ("value", pa.float32()),
        ("status", CATEGORY),
        ("tokens", pa.int32()),
    ]
)


STATUSES = ("ok", "wrong", "unparsable", "timeout", "crashed", "truncated")
"""The values of sspo.types.STATUSES, in its order: a report does not import the trainer's shared types."""
OF_GRADERS = ("timeout", "crashed")
"""Statuses of sspo.types.STATUSES that not every reward produces."""
SECOND = pa.field("second", CATEGORY)
"""A second grader's status of some answers: a column of EVAL_SCHEMA's tables only if a second grader was used."""
STATED = pa.field("answer", CATEGORY)
"""The answer that a response stated, which votes in maj@k: a column only if any was logged."""
OPTIONAL = (SECOND, STATED)


@dataclass(frozen=True)
class Logs:
    """A study's compact logs in memory; tables are pyarrow for input and output, pandas for computation."""

    manifest: Mapping[str, Any]
    runs: tuple[Mapping[str, Any], ...]
    metrics: pd.DataFrame
    evaluation: pd.DataFrame
    samples: tuple[Sample, ...] = ()
    contamination: tuple[CheckedSet, ...] = ()
    registration: Mapping[str, Any] | None = None
    """The registration beside the logs; None if the study was not registered."""
    looks: tuple[Mapping[str, Any], ...] = ()
    """Reports with tests that were made before the study's end."""
    timing: pd.DataFrame | None = None
    """Seconds by run and rollout; None if no run logged any, and in logs written before these were kept."""

    def part(self, which: str) -> Logs:
        """Return the logs of one part of a tuned study: `arms`, which any study has, `default` or `pilots`.

        The first has no other runs; the others keep all records, so that a run has one index in every part. Raises UserError if
        there is no such part.
        """
        if not self.manifest.get(TUNING):
            if which != ARMS:
                part(self.manifest, which)
            return self
        manifest = part(self.manifest, which)
        places = _places(self.manifest, manifest)
        of_arms = which == ARMS
        return replace(
            self,
            manifest=manifest,
            runs=self.runs[: places.stop] if of_arms else self.runs,
            metrics=_of(self.metrics, places),
            evaluation=_of(self.evaluation, places),
            samples=tuple(sample for sample in self.samples if sample.run in places),
            timing=None if self.timing is None else _of(self.timing, places),
        )


def _places(whole: Mapping[str, Any], manifest: Mapping[str, Any]) -> range:
    """Return the runs of one part, which follow each other."""
    mine, start = {arm["name"] for arm in manifest["arms"]}, 0
    for arm in from_manifest(whole).planned:
        if arm.name in mine:
            break
        start += len(arm.seeds)
    return range(start, start + sum(len(arm["seeds"]) for arm in manifest["arms"]))


def _of(rows: pd.DataFrame, places: range) -> pd.DataFrame:
    keep = (rows["run"] >= places.start) & (rows["run"] < places.stop)
    return rows[keep].reset_index(drop=True)


def write_logs(
    folder: Path,
    manifest: Mapping[str, Any],
    runs: list[dict[str, Any]],
    metrics: pa.Table,
    evaluation: pa.Table,
    samples: Sequence[Sample] = (),
    timing: pa.Table | None = None,
) -> None:
    """Write the files of compact logs; tables have METRIC_SCHEMA and EVAL_SCHEMA, with those OPTIONAL columns that hold
    values."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / MANIFEST, _json(manifest))
    write_atomic(folder / RUNS, _json(runs))
    for name, table in ((METRICS, metrics), (EVAL, evaluation)):
        buffer = io.BytesIO()
        plain = table.num_columns > MANY_COLUMNS
        pq.write_table(
            table.combine_chunks(),
            buffer,
            compression="zstd",
            compression_level=9,
            use_dictionary=not plain,
            write_statistics=not plain,
        )
        (folder / name).write_bytes(buffer.getvalue())
    write_samples(folder, samples)
    write_timing(folder, timing)


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def filled(table: pa.Table, optional: Iterable[str]) -> pa.Table:
    """Return the table without its empty optional columns."""
    unused = [name for name in optional if table[name].null_count == len(table)]
    return table.drop_columns(unused) if unused else table


def is_graded(answers: pd.DataFrame) -> bool:
    """Return whether there is a second grader's status, or a status that only a grader in a separate process produces."""
    return SECOND.name in answers or bool(answers["status"].isin(OF_GRADERS).any())


def read_logs(folder: Path) -> Logs:
    """Read compact logs from their folder. Raises UserError if a file is missing or unreadable."""
    missing = [name for name in (MANIFEST, RUNS, METRICS, EVAL) if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"{folder} has no {', '.join(missing)}: restore the compact logs or report from run folders"
        )
    runs, samples = _records(folder / RUNS), read_samples(folder)
    if any(sample.run not in range(len(runs)) for sample in samples):
        raise UserError(
            f"{folder} has a {SAMPLES} and a {RUNS} from different reports: restore both, or remove {SAMPLES}"
        )
    return Logs(
        manifest=read_json(folder / MANIFEST),
        runs=runs,
        metrics=_with_all_keys(_frame(folder / METRICS)),
        evaluation=_frame(folder / EVAL),
        samples=samples,
        contamination=read_contamination(folder),
        registration=_registration(folder / REGISTRATION),
        looks=_records(folder / LOOKS) if (folder / LOOKS).is_file() else (),
        timing=read_timing(folder),
    )


def _registration(path: Path) -> Mapping[str, Any] | None:
    return json_file.read_object(path, "restore it or report from run folders")


def _records(path: Path) -> tuple[Mapping[str, Any], ...]:
    records: Any = read_json(path)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        what = "runs" if path.name == RUNS else "looks"
        raise UserError(
            f"{path} is damaged: it is not a list of {what}; restore it or report from run folders"
        )
    return tuple(records)


def _with_all_keys(metrics: pd.DataFrame) -> pd.DataFrame:
    """Add empty columns for metrics that logs of an older version lack."""
    missing = [key for key in METRIC_KEYS if key not in metrics.columns]
    return metrics.assign(**dict.fromkeys(missing, np.float32("nan"))) if missing else metrics


def _frame(path: Path) -> pd.DataFrame:
    try:
        return pq.read_table(path).to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read ({said}): restore it or report from run folders") from error
