"""Compact logs that an earlier report of the same inputs left are used again, where their bytes are still what was written."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from analysis.logs.column_cache import FOLDER, say_once
from analysis.logs.compact import EVAL, MANIFEST, METRICS, RUNS
from analysis.logs.manifest import stem
from analysis.logs.sample_table import SAMPLES
from analysis.provenance.sources import FILE as SOURCES
from sspo.runs.runlog import write_atomic

FILES = (MANIFEST, RUNS, METRICS, EVAL, SAMPLES, SOURCES)


def are_current(logs: Path, store: Path, name: str, preset: str, inputs: str) -> bool:
    """Whether the folder holds, byte for byte, the compact logs that were made from `inputs` (analysis.provenance.freshness)."""
    note = _note(store, name, preset)
    try:
        return bool(json.loads(note.read_text(encoding="utf-8")) == _state(logs, inputs))
    except (
        OSError,
        ValueError,
    ):  # none, torn or not ours to read: the logs are made anew, and so is the note
        return False


def note_current(logs: Path, store: Path, name: str, preset: str, inputs: str) -> None:
    """Note that the compact logs in the folder were made from `inputs`. A store that can't be written gets none, and the next
    report reads the runs again; that is said once, on stderr."""
    note, state = _note(store, name, preset), json.dumps(_state(logs, inputs), indent=1)
    if not note.parent.parent.is_dir():
        return
    try:
        note.parent.mkdir(exist_ok=True)
        write_atomic(note, state)
    except OSError as error:
        say_once(
            f"note: what this report was made from is not kept in {note.parent}: {error.strerror or error}"
        )


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
