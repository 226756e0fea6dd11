"""Restore finished runs from committed compact logs, so that a fresh clone or another machine need not train them again.

A run is restored if its report's logs match provenance.json, if its cell and seed belong to the plan, and if its numbers are
those of this code. The restored folder holds the content of the compact logs: enough for a report, without checkpoints and
recordings. DONE.json records its origin.
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
"""File of compact logs that has the lines of each log of a run folder."""


@dataclass(frozen=True)
class Found:
    """A finished run in a report's compact logs."""

    logs: Path
    index: int
    record: Mapping[str, Any]


def restore(plan: Plan, reports: Path, console: Console) -> int:
    """Restore every missing run that a report below `reports` holds. Returns 0. Raises UserError if the store cannot be written."""
    refuse_foreign(plan.store)
    check_store(plan.store, 0)
    write_manifest(plan)
    own = _own_logs(plan, reports)
    others = [logs for logs in _all_logs(reports) if logs != own]
    restored = restore_from(plan, [own, *others], console)
    wanted = [*plan.trials(), *plan.pilot_trials()]
    left = sum(not standing(trial.folder).over() for trial in wanted)
    console.print(Text(f"{restored} of {len(wanted)} runs restored, {left} left to train"), soft_wrap=True)
    return 0


def restore_committed(plan: Plan, reports: Path, console: Console) -> int:
    """Restore the runs in the plan's own report if its logs are committed to git; uncommitted logs may be about to be remade.

    Returns the number of restored runs.
    """
    logs = _own_logs(plan, reports)
    kept = (logs / RUNS).is_file() and git("ls-files", "--error-unmatch", str((logs / RUNS).resolve()))
    return restore_own(plan, reports, console) if kept else 0


def restore_own(plan: Plan, reports: Path, console: Console) -> int:
    """Restore the runs in the plan's own report. Returns the number of restored runs."""
    return restore_from(plan, [_own_logs(plan, reports)], console)


def _own_logs(plan: Plan, reports: Path) -> Path:
    return own_logs(plan.study.name, plan.preset, reports)


def own_logs(study: str, preset: str, reports: Path) -> Path:
    """Return the folder of the compact logs of a preset's own report."""
    return reports / (study if preset == PAPER_PRESET else f"{study}.{preset}") / "logs"


def restore_from(plan: Plan, places: Sequence[Path], console: Console) -> int:
    """Restore the plan's missing runs from these folders of compact logs; the first that has a run wins. Returns the number restored.

    A run that was started here is left to be continued.
    """
    wanted = [*plan.trials(), *plan.pilot_trials()]
    missing = {(t.cell, t.seed, t.level): t for t in wanted if not t.folder.exists()}
    restored = 0
    for logs in places:
        if not (logs / RUNS).is_file():
            continue
        found = [
            (trial, one) for one in _finished(logs) if (trial := missing.get(_key(one.record))) is not None
        ]
        if not found:
            continue
        flaw = flaw_of(logs)
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
    """Return the runs of compact logs that ended with a result. Imported runs have cells that no plan has."""
    records: Any = read_json(logs / RUNS, REMEDY)
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise UserError(f"{logs / RUNS} is damaged: it lists no runs; {REMEDY}")
    return [Found(logs, i, record) for i, record in enumerate(records) if record.get("status") in RESULTS]


def flaw_of(logs: Path) -> str | None:
    """Return why compact logs cannot be used: they must equal, byte for byte, the files that their report was made from."""
    provenance = logs.parent / PROVENANCE
    if not provenance.is_file():
        return f"there is no {PROVENANCE} to check it against"
    digests = (read_object(provenance, REMEDY) or {}).get("files") or {}
    for name in (MANIFEST, RUNS, *TABLES.values(), SOURCES, REGISTRATION):
        path, wanted = logs / name, digests.get(f"logs/{name}")
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        if found != wanted:
            return f"{name} differs from the file that its report was made from"
    return None


def _rows_of(logs: Path, runs: Sequence[int]) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """Return the lines of each run by log."""
    import pyarrow as pa  # a sweep without committed logs does not need it
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
            reason = " ".join(str(error).split())
            raise UserError(f"{logs / name} cannot be read ({reason}); {REMEDY}") from error
        for run in runs:
            found[log][run] = table.filter(pc.equal(table["run"], run)).drop_columns(["run"]).to_pylist()
    return found


def _sources(one: Found) -> Any:
    """Return the digests of the run's original files; None if they were not recorded."""
    recorded = read_json(one.logs / SOURCES, REMEDY) if (one.logs / SOURCES).is_file() else None
    return recorded[one.index] if isinstance(recorded, list) and one.index < len(recorded) else None
