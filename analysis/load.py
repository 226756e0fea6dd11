"""Run folders to compact logs. With analysis.sample_choice the only reader of run folders on this side."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json as pj
import yaml

from analysis.logs import EVAL_SCHEMA, METRIC_SCHEMA, write_logs
from analysis.sample_choice import choose_samples
from analysis.samples import SHOWN_ROLES, Sample
from analysis.study import NothingToReport, Study, from_manifest, read_json
from sspo import runlog
from sspo.identity import cell_folder

DONE, DIVERGED, FAILED, BROKEN, RUNNING, MISSING = (
    "done",
    "diverged",
    "failed",
    "broken",
    "running",
    "missing",
)
LOST = (DIVERGED, FAILED, BROKEN, RUNNING, MISSING)
COUNTED = (DONE, DIVERGED)
"""States whose runs are scored: a diverged run scores its last finite checkpoint."""

MESSAGE_CHARACTERS = 160
PATH = re.compile(
    r"""(?<=')[/~][^']*(?=')|(?<=")[/~][^"]*(?=")|(?<![\w.<])(?:~\w*)?(?:/[^\s/'"`,;:()\[\]{}<>]+)+/?"""
)
"""An absolute path, in quotes with its spaces."""


class _BrokenLogError(Exception):
    """A log that is no JSON before its last line; its message is the run's reason."""


def compact(store: Path, manifest: Mapping[str, Any], folder: Path) -> None:
    """Read every planned run of the study from the store and write its compact logs to `folder`.

    Runs without a marker, with a failure other than divergence or with a log broken before its last line are recorded
    by state alone: what they logged is no result. Raises NothingToReport where no run is finished.
    """
    study = from_manifest(manifest)
    runs: list[dict[str, Any]] = []
    metrics, evaluations = [], []
    for arm in study.arms:
        for seed in arm.seeds:
            path = cell_folder(store, arm.cell, seed)
            record = {"arm": arm.name, "seed": seed, "cell": arm.cell, **_record(path)}
            if record["status"] in COUNTED:
                try:
                    logged = _table(path / runlog.METRICS, METRIC_SCHEMA, len(runs))
                    evaluations.append(_table(path / runlog.EVAL, EVAL_SCHEMA, len(runs)))
                    metrics.append(logged)
                except _BrokenLogError as error:
                    record |= {"status": BROKEN, "reason": str(error), "message": _tidy(str(error.__cause__))}
            runs.append(record)
    if not any(record["status"] in COUNTED for record in runs):
        raise NothingToReport(
            f"study '{study.name}' (preset {study.preset}) has no finished run of {len(runs)} planned in {store}: "
            f"run `make sweep NAME={study.name}` first"
        )
    samples = _samples(study, store, runs)
    tables = pa.concat_tables(metrics), _categories(pa.concat_tables(evaluations))
    write_logs(folder, manifest, runs, *tables, samples)


def _samples(study: Study, store: Path, runs: list[dict[str, Any]]) -> list[Sample]:
    """The samples to show. Unreadable ones are noted at their run, whose results stand."""
    shown = {arm.name for arm in study.with_role(*SHOWN_ROLES)}
    folders = {
        i: cell_folder(store, run["cell"], run["seed"])
        for i, run in enumerate(runs)
        if run["arm"] in shown and run["status"] in COUNTED
    }
    samples, broken = choose_samples(runs, folders)
    for i, message in broken.items():
        runs[i]["samples"] = message
    return samples


def _record(path: Path) -> dict[str, Any]:
    """State, provenance and what gates, figures and claims ask of the configuration."""
    environment = _json_or_empty(path / runlog.ENVIRONMENT)
    config = _yaml_or_empty(path / runlog.CONFIG)
    done = _json_or_empty(path / runlog.DONE)
    objective = config.get("objective", {})
    bounds, clip = objective.get("bounds", {}), objective.get("clip", {})
    return {
        **_state(path, done),
        "seconds": done.get("seconds"),
        "rollout0_sha256": done.get("rollout0_sha256"),
        "revision": environment.get("git_revision"),
        **({"dirty_sha256": diff} if (diff := environment.get("git_diff_sha256")) is not None else {}),
        "code_sha256": environment.get("code_sha256"),
        "base": environment.get("base"),
        "versions": environment.get("versions") or {},
        "rule": config.get("segmentation", {}).get("rule"),
        "ratio": objective.get("ratio"),
        "term": objective.get("term"),
        "advantage": objective.get("advantage"),
        "aggregation": objective.get("aggregation"),
        "adapt": bounds.get("adapt"),
        "alpha": bounds.get("alpha"),
        "clip_low": clip.get("low"),
        "clip_high": clip.get("high"),
    }


def _state(path: Path, done: Mapping[str, Any]) -> dict[str, Any]:
    if not path.is_dir():
        return {"status": MISSING, "reason": "not started", "message": ""}
    if done:
        return {"status": DONE, "reason": "", "message": ""}
    failed = _json_or_empty(path / runlog.FAILED)
    if not failed:
        return {"status": RUNNING, "reason": "no marker: running or half-written", "message": ""}
    reason = str(failed.get("reason"))
    status = DIVERGED if reason == "diverged" else FAILED
    return {"status": status, "reason": reason, "message": _tidy(str(failed.get("message", "")))}


def _tidy(message: str) -> str:
    """A message without paths of the machine it was written on (they hold user names), on one line."""
    return PATH.sub("<path>", " ".join(message.split()))[:MESSAGE_CHARACTERS]


def _json_or_empty(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.is_file() else {}


def _yaml_or_empty(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {})


def _table(path: Path, schema: pa.Schema, run: int) -> pa.Table:
    """A JSON-lines log as a table of `schema` (categories still strings); a torn last line is left out."""
    plain = pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in schema])
    content = path.read_bytes() if path.is_file() else b""
    content = content[: content.rfind(b"\n") + 1]
    if not content:
        return plain.empty_table()
    options = pj.ParseOptions(explicit_schema=plain.remove(0), unexpected_field_behavior="ignore")
    reading = pj.ReadOptions(use_threads=False, block_size=max(len(content), 1))
    try:
        table = pj.read_json(io.BytesIO(content), read_options=reading, parse_options=options)
    except pa.ArrowInvalid as error:
        raise _BrokenLogError(f"{path.name} is broken before its last line: run that seed again") from error
    indices = pa.array([run] * len(table), pa.int16())
    columns = [indices, *(table.column(name) for name in plain.names[1:])]
    return pa.Table.from_arrays(columns, schema=plain)


def _categories(table: pa.Table) -> pa.Table:
    return table.combine_chunks().cast(EVAL_SCHEMA)
