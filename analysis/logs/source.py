"""The source of a report: the runs of a preset in the store, or the compact logs of an earlier report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.compact import MANIFEST
from analysis.logs.manifest import (
    IMPORTED,
    PILOTS,
    PRESETS,
    TUNING,
    NothingToReport,
    from_manifest,
    manifest_path,
    read_json,
    report_folder,
    study_of,
    sweep_command,
)
from sspo.errors import UserError, unknown
from sspo.runs import runlog


@dataclass(frozen=True)
class Source:
    """A preset with the manifest of its runs in the store, or without one if compact logs are read."""

    preset: str
    manifest: Mapping[str, Any] | None = None
    """The store's manifest; None if compact logs are read."""


def choose(name: str, preset: str | None, store: Path, out: Path) -> Source:
    """Return the source to report from: that of the named preset, else the strongest finished one, else the strongest begun.

    A preset counts as finished if every planned run has an end marker or if it has compact logs: a sweep that
    has barely started must not overwrite a report of a finished one. Raises UserError if there is
    no evidence: NothingToReport if that of a named preset does not exist yet.
    """
    if preset is not None:
        return _named(name, preset, store, out)
    begun: list[tuple[bool, int, Source]] = []
    for candidate in PRESETS:
        manifest = _manifest(store, name, candidate)
        ended, planned = _ended(store, manifest) if manifest is not None else (0, 0)
        if planned and ended == planned:
            return Source(candidate, manifest)
        if _logs(out, name, candidate).is_file():
            return Source(candidate)
        if planned:
            begun.append((ended == 0, len(begun), Source(candidate, manifest)))
    if begun:  # of presets that only began, one without any ended run comes last
        return min(begun, key=lambda one: one[:2])[2]
    raise _no_study(name, store, out)


def _named(name: str, preset: str, store: Path, out: Path) -> Source:
    if (manifest := _manifest(store, name, preset)) is not None:
        return Source(preset, manifest)
    logs = _logs(out, name, preset)
    if not logs.is_file():
        raise NothingToReport(
            f"study '{name}' has no {preset} manifest in {store} and no compact logs in {logs.parent}: "
            f"{_first(name, preset)} or choose another preset of {', '.join(PRESETS)}"
        )
    return Source(preset)


def _first(name: str, preset: str) -> str:
    if preset == IMPORTED:
        return f"run `python -m analysis import {name} --from ...`"
    return f"run {sweep_command(name, preset)}"


def _logs(out: Path, name: str, preset: str) -> Path:
    return report_folder(out, name, preset) / "logs" / MANIFEST


def _manifest(store: Path, name: str, preset: str) -> Mapping[str, Any] | None:
    path = manifest_path(store, name, preset)
    return read_json(path) if path.is_file() else None


def _ended(store: Path, manifest: Mapping[str, Any]) -> tuple[int, int]:
    """Count planned runs with an end marker, and all planned runs; without pilots, some of which a pruner stops."""
    study = from_manifest(manifest)
    pilots = {arm["name"] for arm in (manifest.get(TUNING) or {}).get(PILOTS) or ()}
    arms = [arm for arm in study.planned if arm.name not in pilots]
    folders = [arm.folder(store, seed) for arm in arms for seed in arm.seeds]
    ended = [f for f in folders if (f / runlog.DONE).is_file() or (f / runlog.FAILED).is_file()]
    return len(ended), len(folders)


def _no_study(name: str, store: Path, out: Path) -> UserError:
    planned = {study_of(path.stem) for path in (store / "studies").glob("*.json")}
    reported = {study_of(path.parent.parent.name) for path in out.glob(f"*/logs/{MANIFEST}")}
    if not planned | reported:
        return UserError(f"study '{name}' has no manifest in {store}: run `make sweep NAME={name}` first")
    return unknown("study", name, planned | reported)
