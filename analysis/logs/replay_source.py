"""The folder of a study's replay: the store's own, else the one in the compact logs of an earlier report."""

from __future__ import annotations

from pathlib import Path

from analysis.logs.manifest import PRESETS, report_folder, stem, study_of
from sspo.errors import UserError, nearest

POINTS, SUMMARY = "replay.parquet", "replay.json"
"""The summary is written last: without it a replay is not complete."""


def replay_folder(store: Path, name: str, preset: str) -> Path:
    """Return the folder into which `python -m sweeps replay` writes the replay of a study's recorded runs."""
    return store / "replays" / stem(name, preset)


def replay_source(name: str, preset: str, store: Path, out: Path) -> Path | None:
    """Return the folder to read a study's replay from, whatever the source of its runs; None if there is no replay."""
    folders = (replay_folder(store, name, preset), report_folder(out, name, preset) / "logs")
    return next((folder for folder in folders if (folder / SUMMARY).is_file()), None)


def needed_replay(name: str, preset: str, store: Path, out: Path) -> Path:
    """Return replay_source. Raises UserError that names an existing replay if there is none."""
    found = replay_source(name, preset, store, out)
    if found is not None:
        return found
    others = [p for p in PRESETS if replay_source(name, p, store, out) is not None]
    if others:
        hint = f"pass --preset {others[0]}, which has one"
    else:
        known = {study_of(folder.parent.name) for folder in (store / "replays").glob(f"*/{SUMMARY}")}
        known |= {study_of(path.parent.parent.name) for path in out.glob(f"*/logs/{SUMMARY}")}
        close = nearest(name, known)
        hint = f"did you mean '{close}'?" if close else f"run `make replay NAME={name}` first"
    place = replay_folder(store, name, preset)
    raise UserError(f"study '{name}' (preset {preset}) has no replay in {place}: {hint}")
