"""A study as its store is now: states, failures and the curves so far, including runs that are still being
written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from analysis.live.config import Configurations
from analysis.live.curves import DrawnCharts, LiveCurves, drawn_arms
from analysis.live.runs import LiveRun, WatchedRun, broken
from analysis.logs.manifest import (
    DEFAULT_PRESET,
    PRESETS,
    TUNING,
    Study,
    from_manifest,
    manifest_path,
    one_line,
    read_json,
    study_of,
    sweep_command,
)
from analysis.logs.run_files import MISSING
from sspo.config.places import conf_files
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError, unknown

MOST_LOOKED_AT = 512
"""Finished runs checked closely per read; for the others only changes of their folder are noticed."""


class Snapshot(NamedTuple):
    """A study at one read of its store; equal reads share their parts."""

    study: Study
    runs: list[LiveRun]
    """In the manifest's order."""
    curves: DrawnCharts
    tuning: str = ""
    """How far the tuning of its arms is; empty for a study that is not tuned."""


class Planned(NamedTuple):
    """A study that has a spec but no manifest yet."""

    name: str
    title: str
    question: str
    command: str
    """The command that starts it."""


class LiveStudy:
    """Polls a store and reads only what changed. Never writes anything."""

    def __init__(self, name: str, preset: str | None, store: Path):
        self.name, self.preset, self.store = name, preset, store
        self._plan = _planned(name, preset, store) if _manifest(name, preset, store) is None else None
        self._path: Path | None = None
        self._manifest: tuple[tuple[int, int], Path] | None = None
        self._look: Snapshot | None = None
        self._turn = 0

    def look(self) -> Snapshot | Planned:
        """Return the study, its runs and its curves: the same object as before if nothing changed.

        Raises UserError if the manifest is invalid.
        """
        if self._path is None:
            self._path = _manifest(self.name, self.preset, self.store)
        if self._path is None:
            assert self._plan is not None, "a study has a manifest or a spec"
            return self._plan
        study = self._read_manifest(self._path)
        runs = self._runs(study)
        chosen = drawn_arms(study, runs)
        damaged = self._curves.read(self._watched, chosen)
        if damaged:
            runs = [
                broken(run, damaged[run.arm, run.seed]) if (run.arm, run.seed) in damaged else run
                for run in runs
            ]
        drawn = self._curves.draw(runs, chosen)
        before = self._look
        if before is None or before.runs != runs or before.curves is not drawn or before.study is not study:
            self._look = Snapshot(study, runs, drawn, self._tuning)
        assert self._look is not None
        return self._look

    def folder(self, arm: str, seed: int) -> Path:
        """Return the folder of a planned run. Raises KeyError if the study does not plan it."""
        return self._watched[arm, seed].folder

    def _read_manifest(self, path: Path) -> Study:
        try:
            status = path.stat()
        except FileNotFoundError as error:
            raise UserError(f"{path} is gone: plan the study again to write it") from error
        state = (status.st_mtime_ns, status.st_size), path
        if self._manifest != state:
            content = read_json(path)
            self._study = from_manifest(content)
            self._tuning = _tuning(content)
            self._watch(self._study, content)
            self._manifest = state
        return self._study

    def _watch(self, study: Study, manifest: dict[str, Any]) -> None:
        configurations = Configurations()
        self._curves = LiveCurves(manifest, study)
        self._watched = {
            (arm.name, seed): WatchedRun(
                LiveRun(arm.name, arm.label, seed, arm.cell, MISSING, "not started"),
                arm.folder(self.store, seed),
                arm.level(seed),
                configurations,
            )
            for arm in study.arms
            for seed in arm.seeds
        }

    def _runs(self, study: Study) -> list[LiveRun]:
        now, watched = time.time(), list(self._watched.values())
        turns = -(-len(watched) // MOST_LOOKED_AT)
        self._turn += 1
        return [one.look(now, closely=(i + self._turn) % turns == 0) for i, one in enumerate(watched)]


def _tuning(manifest: Mapping[str, Any]) -> str:
    """Return how far the manifest says that a tuning is; empty without one."""
    arms = ((manifest.get(TUNING) or {}).get("arms") or {}).values()
    if not arms:
        return ""
    states = Counter(str(trial.get("state")) for arm in arms for trial in arm.get("trials") or ())
    have = sum(arm.get("chosen") is not None for arm in arms)
    settled = states.total() - states["open"]
    return f"tuning: {settled} trials settled, {states['open']} open; {have} of {len(arms)} arms have their point"


def _manifest(name: str, preset: str | None, store: Path) -> Path | None:
    """Return the manifest to watch, the latest if no preset is given; None if there is none."""
    times = {}
    for path in (manifest_path(store, name, p) for p in ([preset] if preset else PRESETS)):
        try:
            times[path] = path.stat().st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            continue
    return max(times, key=lambda path: times[path], default=None)


def _planned(name: str, preset: str | None, store: Path) -> Planned:
    """Return the spec of a study that has no manifest yet. Raises UserError if there is no spec either."""
    specs = {path.stem: path for path in conf_files("study")}
    if name not in specs:
        known = {study_of(path.stem) for path in (store / "studies").glob("*.json")}
        if name not in known:
            raise unknown("study", name, known | set(specs))
        which = f" (preset {preset})" if preset else ""
        command = sweep_command(name, preset or DEFAULT_PRESET)
        raise UserError(f"study '{name}'{which} is not planned in {store}: run {command} first")
    spec = read_yaml(specs[name])
    title, question = (
        one_line(spec.get(key) or default) for key, default in (("title", name), ("question", ""))
    )
    return Planned(name, title, question, sweep_command(name, preset or DEFAULT_PRESET).strip("`"))


def counts(runs: Iterable[LiveRun]) -> Counter[str]:
    """Count the runs in each state."""
    return Counter(run.state for run in runs)
