"""Checks whether a report and its compact logs match their inputs as they are now.

The inputs are the manifest, the runs, the replay and this package, reduced to a fingerprint. The check is
cheap on purpose (it reads no log): a second `make sweep` of a finished study must not redraw the same
figures, and a new report reuses the compact logs of an earlier one if their bytes are unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.claims.files import claim_files
from analysis.logs.column_cache import FOLDER, say_once
from analysis.logs.compact import EVAL, MANIFEST, METRICS, RUNS
from analysis.logs.contamination import check_files
from analysis.logs.manifest import from_manifest, manifest_path, read_json, report_folder, stem
from analysis.logs.replay_source import POINTS, SUMMARY, replay_source
from analysis.logs.sample_table import SAMPLES
from analysis.logs.timing import TIMING
from analysis.provenance.sources import FILE as SOURCES
from analysis.provenance.sources import WATCHED
from analysis.registration.looks import looks_path
from analysis.registration.record import FOLDER as REGISTRATIONS
from analysis.registration.record import registration_path
from sspo import metrics
from sspo.config.study_file import study_file
from sspo.runs.contamination import RATES
from sspo.runs.runlog import write_atomic

STAMP = ".inputs"
CODE = ("*.py", "*.js", "*.css", "*.html")


def is_fresh(name: str, preset: str, store: Path, out: Path) -> bool:
    """Return whether the report folder was written from the inputs as they are now."""
    folder = report_folder(out, name, preset)
    stamp = folder / STAMP
    needed = (stamp, folder / "index.html", manifest_path(store, name, preset))
    if not all(path.is_file() for path in needed):
        return False
    manifest = read_json(manifest_path(store, name, preset))
    return stamp.read_text(encoding="utf-8") == fingerprint(manifest, store, out)


def stamp_report(folder: Path, inputs: str | None) -> None:
    """Write the fingerprint, taken before the report was written; None (made from compact logs alone) removes
    it.
    """
    if inputs is None:
        (folder / STAMP).unlink(missing_ok=True)
    else:
        write_atomic(folder / STAMP, inputs)


def fingerprint(
    manifest: Mapping[str, Any], store: Path, out: Path, registrations: Path = REGISTRATIONS
) -> str:
    """Return a hash over every input of a report.

    It covers the manifest; the registration and its interim looks; the size and time of every run's logs and
    markers, of the replay's files and of the store's contamination checks; the code of this package; the
    glossary; and the claims.
    """
    study = from_manifest(manifest)
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode())
    for arm in study.planned:
        for seed in arm.seeds:
            for line in _states(arm.folder(store, seed), WATCHED):
                digest.update(line.encode())
    replay = replay_source(study.name, study.preset, store, out)
    for line in _states(replay, (POINTS, SUMMARY)) if replay else ():
        digest.update(line.encode())
    for path in check_files(store):
        for line in _states(path.parent, (path.name,)):
            digest.update(line.encode())
    for path in (registration_path(study.name, registrations), looks_path(study.name, registrations)):
        digest.update(path.read_bytes() if path.is_file() else b"none")
    code = [*package_files(), *sorted(Path(metrics.__file__).parent.glob("*.py"))]
    spec = study_file(study.name)  # older manifests do not name their claims: the spec does
    for source in [*code, *claim_files(), *([spec] if spec.is_file() else [])]:
        digest.update(source.read_bytes())
    return digest.hexdigest()


def package_files() -> list[Path]:
    """Return the code that makes reports, with the scripts, style sheets and templates of their pages."""
    return sorted(path for kind in CODE for path in Path(__file__).parents[1].rglob(kind))


def _states(folder: Path, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        path = folder / name
        if path.is_file():
            status = path.stat()
            yield f"{path} {status.st_size} {status.st_mtime_ns}\n"


FILES = (MANIFEST, RUNS, METRICS, EVAL, SAMPLES, TIMING, SOURCES, RATES)


def are_current(logs: Path, store: Path, name: str, preset: str, inputs: str) -> bool:
    """Return whether the folder holds, byte for byte, the compact logs that were made from `inputs`."""
    note = _note(store, name, preset)
    try:
        return bool(json.loads(note.read_text(encoding="utf-8")) == _state(logs, inputs))
    except (
        OSError,
        ValueError,
    ):  # missing, torn or unreadable: the logs and the note are made again
        return False


def note_current(logs: Path, store: Path, name: str, preset: str, inputs: str) -> None:
    """Record that the compact logs in the folder were made from `inputs`.

    A store that cannot be written gets no record, and the next report reads the runs again; stderr gets one
    line about it.
    """
    note, state = _note(store, name, preset), json.dumps(_state(logs, inputs), indent=1)
    if not note.parent.parent.is_dir():
        return
    try:
        note.parent.mkdir(exist_ok=True)
        write_atomic(note, state)
    except OSError as error:
        say_once(f"note: cannot record this report's inputs in {note.parent}: {error.strerror or error}")


def _note(store: Path, name: str, preset: str) -> Path:
    return store / FOLDER / "studies" / f"{stem(name, preset)}.json"


def _state(logs: Path, inputs: str) -> dict[str, str | None]:
    digests = {name: _digest(logs / name) for name in FILES}
    return {"inputs": inputs, **digests}


def _digest(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").hexdigest()
