"""Finished runs out of committed compact logs: a fresh clone, or another machine, need not train again what a report holds.

A run is put back where its report's logs are what its provenance.json says, where cell and seed are the plan's, and where the
numbers that it has are those of this code. Its folder then holds what the compact logs hold: enough to report from, no
checkpoint and no recording. DONE.json says where it came from.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from rich.console import Console
from rich.text import Text

from sspo import runlog
from sspo.errors import UserError
from sspo.logfile import extent_of
from sspo.quick_compose import quick_compose
from sweeps.ledger import read_json, standing
from sweeps.manifest import write_manifest
from sweeps.plan import Plan, Trial
from sweeps.spec import PAPER_PRESET
from sweeps.store import check_store, refuse_foreign

REPORTS = Path("reports")
RESULTS = ("done", "diverged")
MANIFEST, RUNS, SOURCES, PROVENANCE = "manifest.json", "runs.json", "sources.json", "provenance.json"
TABLES = {
    runlog.METRICS: "metrics.parquet",
    runlog.EVAL: "eval.parquet",
    runlog.SAMPLES: "samples.parquet",
}
"""Log of a run folder to the file of compact logs that has its lines."""
ENVIRONMENT = {
    "revision": "git_revision",
    "dirty_sha256": "git_diff_sha256",
    "code_sha256": "code_sha256",
    "code_key": "code_key",
    "epoch": "epoch",
    "base": "base",
    "versions": "versions",
}
"""Key of runs.json to that of env.json."""


@dataclass(frozen=True)
class Found:
    """A finished run in a report's compact logs."""

    logs: Path
    index: int
    record: Mapping[str, Any]


def restore(plan: Plan, reports: Path, console: Console) -> int:
    """Put every missing run back that any report below `reports` holds. Returns 0; UserError where the store cannot be written."""
    refuse_foreign(plan.store)
    check_store(plan.store, 0)
    write_manifest(plan)
    own = _own_logs(plan, reports)
    others = [logs for logs in _all_logs(reports) if logs != own]
    restored = restore_from(plan, [own, *others], console)
    left = sum(not standing(trial.folder).over() for trial in plan.trials())
    console.print(
        Text(f"{restored} of {len(plan.trials())} runs restored, {left} left to train"), soft_wrap=True
    )
    return 0


def restore_own(plan: Plan, reports: Path, console: Console) -> int:
    """Put back what the plan's own report holds. Returns how many."""
    return restore_from(plan, [_own_logs(plan, reports)], console)


def _own_logs(plan: Plan, reports: Path) -> Path:
    """Where the plan's own report keeps its compact logs."""
    name = plan.study.name if plan.preset == PAPER_PRESET else f"{plan.study.name}.{plan.preset}"
    return reports / name / "logs"


def restore_from(plan: Plan, places: Sequence[Path], console: Console) -> int:
    """Put back what these folders of compact logs hold of the plan; the first that has a run wins. Returns how many."""
    missing = {(t.cell, t.seed, t.level): t for t in plan.trials() if standing(t.folder).state == "pending"}
    restored = 0
    for logs in places:
        if not (logs / RUNS).is_file():
            continue
        found = [
            (trial, one) for one in _finished(logs) if (trial := missing.get(_key(one.record))) is not None
        ]
        if not found:
            continue
        flaw = _flaw(logs)
        if flaw is not None:
            console.print(Text(f"nothing is restored from {logs}: {flaw}"), soft_wrap=True)
            continue
        rows = _rows_of(logs, [one.index for _, one in found])
        for trial, one in found:
            _write(trial, one, {name: table[one.index] for name, table in rows.items()})
            del missing[_key(one.record)]
        restored += len(found)
        console.print(Text(f"restored {len(found)} finished runs from {logs}"), soft_wrap=True)
    return restored


def _all_logs(reports: Path) -> Iterator[Path]:
    return (path.parent for path in sorted(reports.glob(f"*/logs/{RUNS}")))


def _key(record: Mapping[str, Any]) -> tuple[str, int, str]:
    return str(record.get("cell")), int(record.get("seed", -1)), str(record.get("level", ""))


def _finished(logs: Path) -> list[Found]:
    """The runs of compact logs that ended with a result. Imported ones have cells that no plan has."""
    records: Any = _read(logs / RUNS)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UserError(f"{logs / RUNS} is damaged: it lists no runs; restore it from git")
    return [Found(logs, i, record) for i, record in enumerate(records) if record.get("status") in RESULTS]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read ({error}); restore it from git") from error


def _flaw(logs: Path) -> str | None:
    """What speaks against compact logs: they must be byte for byte what their report was made from."""
    provenance = logs.parent / PROVENANCE
    if not provenance.is_file():
        return f"there is no {PROVENANCE} to check it by"
    digests = (read_json(provenance, "restore it from git") or {}).get("files") or {}
    for name in (MANIFEST, RUNS, *TABLES.values(), SOURCES):
        path, wanted = logs / name, digests.get(f"logs/{name}")
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        if found != wanted:
            return f"{name} is not what its report was made from"
    return None


def _rows_of(logs: Path, runs: Sequence[int]) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """The lines of each run by log."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for log, name in TABLES.items():
        found[log] = {run: [] for run in runs}
        if not (logs / name).is_file():
            continue
        try:
            table = pq.read_table(logs / name)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{logs / name} cannot be read ({error}); restore it from git") from error
        for run in runs:
            found[log][run] = table.filter(pc.equal(table["run"], run)).drop_columns(["run"]).to_pylist()
    return found


def _write(trial: Trial, one: Found, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """The run's folder, which appears whole or not at all."""
    partial = trial.folder.with_name(f".restored-{trial.folder.name}-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _fill(partial, trial, one, rows)
        shutil.rmtree(trial.folder, ignore_errors=True)
        partial.rename(trial.folder)
    except OSError as error:
        raise UserError(
            f"cannot write {trial.folder}: {error.strerror}; mend that and restore again"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(folder: Path, trial: Trial, one: Found, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    record = one.record
    config = quick_compose((*trial.overrides, f"seed={trial.seed}"))
    environment = {
        theirs: record[ours] for ours, theirs in ENVIRONMENT.items() if record.get(ours) is not None
    }
    _save(folder / runlog.CONFIG, yaml.safe_dump(asdict(config), sort_keys=False))
    _save(folder / runlog.ENVIRONMENT, json.dumps(environment, indent=1, sort_keys=True) + "\n")
    samples = [line for row in rows[runlog.SAMPLES] if (line := _sample_line(row)) is not None]
    for name, lines in (
        (runlog.METRICS, rows[runlog.METRICS]),
        (runlog.EVAL, rows[runlog.EVAL]),
        (runlog.SAMPLES, samples),
    ):
        if lines:
            _save(folder / name, "".join(json.dumps(_plain(line), allow_nan=False) + "\n" for line in lines))
    logs = {name: asdict(extent_of(folder / name)) for name in TABLES if (folder / name).is_file()}
    origin = {"logs": str(one.logs), "run": one.index, "sources": _sources(one)}
    if record["status"] == "done":
        metrics = rows[runlog.METRICS]
        marker, content = runlog.DONE, {
            "steps": max((int(line["step"]) for line in metrics), default=0),
            "rollouts": max((int(line["rollout"]) + 1 for line in metrics), default=0),
            "seconds": record.get("seconds"),
            "rollout0_sha256": record.get("rollout0_sha256"),
        }  # fmt: skip
    else:
        marker = runlog.FAILED
        content = {"reason": "diverged", "message": str(record.get("message", "")), "log_tail": ""}
    _save(
        folder / marker,
        json.dumps({**content, "logs": logs, "restored": origin}, indent=1, sort_keys=True) + "\n",
    )


def _save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sources(one: Found) -> Any:
    """Digests of the run's own files as it left them; None where they were not recorded."""
    recorded = _read(one.logs / SOURCES) if (one.logs / SOURCES).is_file() else None
    return recorded[one.index] if isinstance(recorded, list) and one.index < len(recorded) else None


def _plain(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line as a run logs it: what was not logged is not there."""
    return {key: value for key, value in line.items() if value is not None and value == value}


def _sample_line(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A line of samples.jsonl; None for a response of which the compact logs keep its beginning alone."""
    if len(row["texts"]) < row["tokens"]:
        return None
    ids = [i for i, tokens in enumerate(row["segment_tokens"]) for _ in range(tokens)]
    return {
        "rollout": row["rollout"],
        "row": row["row"],
        "prompt": row["prompt"],
        "texts": row["texts"],
        "segment_ids": ids,
        "advantage": row["advantage"],
        "segment_entropy": [row["segment_entropy"][i] for i in ids],
        "log_ratio": row["log_ratio"],
        "clipped": row["clipped"],
    }
