"""Whether a report is what its inputs would give again: a fingerprint of the manifest, the runs and this package.

Cheap on purpose (no log is read): a second `make sweep` of a finished study must not draw the same figures again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from analysis.study import from_manifest, manifest_path, read_json, report_folder
from sspo import runlog
from sspo.identity import cell_folder

STAMP = ".inputs"
WATCHED = (runlog.DONE, runlog.FAILED, runlog.METRICS, runlog.EVAL)


def is_fresh(name: str, preset: str, store: Path, out: Path) -> bool:
    """Whether the report folder was written from the inputs as they are now."""
    stamp = report_folder(out, name, preset) / STAMP
    if not stamp.is_file() or not manifest_path(store, name, preset).is_file():
        return False
    return stamp.read_text(encoding="utf-8") == fingerprint(name, preset, store)


def stamp_report(name: str, preset: str, store: Path, out: Path) -> None:
    """Note which inputs the report was written from; nothing to note where there are compact logs alone."""
    if manifest_path(store, name, preset).is_file():
        text = fingerprint(name, preset, store)
        runlog.write_atomic(report_folder(out, name, preset) / STAMP, text)


def fingerprint(name: str, preset: str, store: Path) -> str:
    """A hash over the manifest, the size and time of every run's logs and markers, and the code of this package."""
    manifest = manifest_path(store, name, preset)
    digest = hashlib.sha256(manifest.read_bytes())
    for arm in from_manifest(read_json(manifest)).arms:
        for seed in arm.seeds:
            for line in _states(cell_folder(store, arm.cell, seed)):
                digest.update(line.encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _states(folder: Path) -> Iterator[str]:
    for name in WATCHED:
        path = folder / name
        if path.is_file():
            status = path.stat()
            yield f"{path} {status.st_size} {status.st_mtime_ns}\n"
