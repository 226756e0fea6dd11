"""Digests of the run folders that compact logs were made from: logs/sources.json, beside the logs and as
trustworthy as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.digests import file_digest
from analysis.logs.manifest import read_json
from analysis.logs.run_files import Damaged, marker
from sspo.runs import runlog
from sspo.runs.carried import PLANNED
from sspo.runs.identity import cell_folder
from sspo.runs.runlog import write_atomic

WATCHED = (
    runlog.CONFIG,
    runlog.ENVIRONMENT,
    runlog.DONE,
    runlog.FAILED,
    runlog.METRICS,
    runlog.EVAL,
    runlog.SAMPLES,
    runlog.TIMING,
    PLANNED,
)
FILE = "sources.json"


@dataclass(frozen=True)
class Changed:
    """One file of a run folder that differs from its record."""

    run: int
    path: Path
    what: str


def write_sources(store: Path, runs: Sequence[Mapping[str, Any]], logs: Path) -> None:
    """Record the files of every run as they are in the store now, in the order of runs.json."""
    found = [dict(_files(store, run)) for run in runs]
    lines = ",\n".join(f" {json.dumps(files, sort_keys=True)}" for files in found)
    write_atomic(logs / FILE, f"[\n{lines}\n]\n")


def present(store: Path, runs: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the runs whose folder is in the store."""
    return [i for i, run in enumerate(runs) if _folder(store, run).is_dir()]


def changed_sources(store: Path, runs: Sequence[Mapping[str, Any]], logs: Path) -> list[Changed] | None:
    """Return files of runs in the store that differ from the record, or None if nothing was recorded."""
    if not (logs / FILE).is_file():
        return None
    recorded = read_json(logs / FILE)
    unrecorded = (
        set() if any(files.get(runlog.TIMING) for files in recorded) else {runlog.TIMING}
    )  # recorded before seconds were kept
    found = []
    for i in present(store, runs):
        then, now = recorded[i], dict(_files(store, runs[i]))
        for name in sorted({*then, *now} - unrecorded):
            if then.get(name) != now.get(name):
                what = "is gone" if name not in now else "is new" if name not in then else "has changed"
                found.append(Changed(i, _folder(store, runs[i]) / name, what))
    return found


def _files(store: Path, run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (file, digest) as the run left them; for a run restored from compact logs, what those recorded."""
    recorded = _restored(_folder(store, run))
    if recorded is not None:
        yield from recorded.items()
        return
    for name in WATCHED:
        path = _folder(store, run) / name
        if path.is_file():
            yield name, file_digest(path)


def _restored(folder: Path) -> dict[str, str] | None:
    for name in (runlog.DONE, runlog.FAILED):
        try:
            content = marker(folder, name)
        except Damaged:  # its record reports that; the files are hashed as they are
            return None
        if content is not None:
            origin = content.get("restored")
            return None if origin is None else dict(origin.get("sources") or {})
    return None


def _folder(store: Path, run: Mapping[str, Any]) -> Path:
    return cell_folder(store, str(run["cell"]), int(run["seed"]), str(run.get("level", "")))
