"""Finished runs out of committed compact logs: a fresh clone, or another machine, need not train again what a report holds.

A run is put back where its report's logs are what its provenance.json says, where cell and seed are the plan's, and where the
numbers that it has are those of this code. Its folder then holds what the compact logs hold: enough to report from, no
checkpoint and no recording. DONE.json says where it came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from sspo.config.json_file import read_json, read_object
from sspo.errors import UserError
from sspo.runs import runlog
from sspo.runs.revision import git
from sweeps.control.restored_run import write_restored
from sweeps.ledger.state import standing
from sweeps.ledger.store import check_store, refuse_foreign
from sweeps.plan.manifest import write_manifest
from sweeps.plan.plan import Plan
from sweeps.study.spec import PAPER_PRESET

REPORTS = Path("reports")
REMEDY = "restore it from git"
RESULTS = ("done", "diverged")
MANIFEST, RUNS, SOURCES, PROVENANCE = "manifest.json", "runs.json", "sources.json", "provenance.json"
REGISTRATION = "registration.json"
TABLES = {
    runlog.METRICS: "metrics.parquet",
    runlog.EVAL: "eval.parquet",
    runlog.SAMPLES: "samples.parquet",
    runlog.TIMING: "timing.parquet",
}
"""Log of a run folder to the file of compact logs that has its lines."""


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


def restore_committed(plan: Plan, reports: Path, console: Console) -> int:
    """Put back what the plan's own report holds, where git keeps its logs: what only lies there may be told to be made again.

    Returns how many.
    """
    logs = _own_logs(plan, reports)
    kept = (logs / RUNS).is_file() and git("ls-files", "--error-unmatch", str((logs / RUNS).resolve()))
    return restore_own(plan, reports, console) if kept else 0


def restore_own(plan: Plan, reports: Path, console: Console) -> int:
    """Put back what the plan's own report holds. Returns how many."""
    return restore_from(plan, [_own_logs(plan, reports)], console)


def _own_logs(plan: Plan, reports: Path) -> Path:
    """Where the plan's own report keeps its compact logs."""
    name = plan.study.name if plan.preset == PAPER_PRESET else f"{plan.study.name}.{plan.preset}"
    return reports / name / "logs"


def restore_from(plan: Plan, places: Sequence[Path], console: Console) -> int:
    """Put back what these folders of compact logs hold of the plan; the first that has a run wins. Returns how many.

    A run that was begun here is left to be continued.
    """
    missing = {(t.cell, t.seed, t.level): t for t in plan.trials() if not t.folder.exists()}
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
            origin = {"logs": str(logs), "run": one.index, "sources": _sources(one)}
            write_restored(trial, one.record, {n: table[one.index] for n, table in rows.items()}, origin)
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
    records: Any = read_json(logs / RUNS, REMEDY)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UserError(f"{logs / RUNS} is damaged: it lists no runs; {REMEDY}")
    return [Found(logs, i, record) for i, record in enumerate(records) if record.get("status") in RESULTS]


def _flaw(logs: Path) -> str | None:
    """What speaks against compact logs: they must be byte for byte what their report was made from."""
    provenance = logs.parent / PROVENANCE
    if not provenance.is_file():
        return f"there is no {PROVENANCE} to check it by"
    digests = (read_object(provenance, REMEDY) or {}).get("files") or {}
    for name in (MANIFEST, RUNS, *TABLES.values(), SOURCES, REGISTRATION):
        path, wanted = logs / name, digests.get(f"logs/{name}")
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        if found != wanted:
            return f"{name} is not what its report was made from"
    return None


def _rows_of(logs: Path, runs: Sequence[int]) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """The lines of each run by log."""
    import pyarrow as pa  # a sweep without committed logs can do without it
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    found: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for log, name in TABLES.items():
        found[log] = {run: [] for run in runs}
        if not (logs / name).is_file():
            continue
        try:
            table = pq.read_table(logs / name)
        except (pa.ArrowException, OSError) as error:
            said = " ".join(str(error).split())
            raise UserError(f"{logs / name} cannot be read ({said}); {REMEDY}") from error
        for run in runs:
            found[log][run] = table.filter(pc.equal(table["run"], run)).drop_columns(["run"]).to_pylist()
    return found


def _sources(one: Found) -> Any:
    """Digests of the run's own files as it left them; None where they were not recorded."""
    recorded = read_json(one.logs / SOURCES, REMEDY) if (one.logs / SOURCES).is_file() else None
    return recorded[one.index] if isinstance(recorded, list) and one.index < len(recorded) else None
