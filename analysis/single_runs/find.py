"""Finds the run folders that a path, or a study's name for a run, refers to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from analysis.logs.manifest import PRESETS, Arm, Study, from_manifest, manifest_path, read_json, study_of
from sspo.errors import UserError, nearest, unknown
from sspo.runs import runlog

MOST = 10
"""The most runs side by side: more lines cannot be distinguished."""
OF_A_RUN = (runlog.CONFIG, runlog.METRICS, runlog.DONE, runlog.FAILED)
OF_A_CELL, OF_A_STORE = ("*", "*/seed*"), ("cells/*/seed*", "cells/*/*/seed*")
"""A cell's runs are one level deeper if code with different numbers made them."""
BELOW = (OF_A_CELL, OF_A_STORE, tuple(f"*/{pattern}" for pattern in OF_A_STORE))
"""Patterns of run folders below a cell, a store or the folder that contains a store."""
ABOVE = 3
"""Levels between a run folder and a path inside it."""
LIST = "`python -m sweeps runs` lists the newest"


def find(words: Sequence[str], store: Path, preset: str | None = None) -> list[Path]:
    """Return the run folders that the words name, each once and in this order.

    Raises UserError for a word that names no run.
    """
    found = list(dict.fromkeys(folder for word in words for folder in _named(word, store, preset)))
    if len(found) > MOST:
        raise UserError(
            f"{', '.join(words)}: {len(found)} runs, and at most {MOST} fit side by side; name fewer, {LIST}"
        )
    return found


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a file that only runs have. A configuration alone counts as a run that
    has just started if the folder is named after a seed.
    """
    there = [name for name in OF_A_RUN if (folder / name).is_file()]
    return bool(there) and (there != [runlog.CONFIG] or folder.name.startswith("seed"))


def below(folder: Path) -> list[Path]:
    """Return the run folders below a folder, at the nearest level that has any."""
    for patterns in BELOW:
        found = _matching(folder, patterns)
        if found:
            return found
    return []


def store_folders(store: Path) -> list[Path]:
    """Return all run folders of a store."""
    return _matching(store, OF_A_STORE)


def _matching(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if is_run(path))


def _named(word: str, store: Path, preset: str | None) -> list[Path]:
    path = Path(word)
    if not path.exists() and (store / "cells" / word).is_dir() and ".." not in path.parts:
        path = store / "cells" / word
    if path.exists():
        return _at(path)
    if ":" in word and "/" not in word:
        return _of_study(word, store, preset)
    raise UserError(
        f"'{word}' is neither a folder nor a run's name such as STUDY:ARM:SEED{_nearest(path, word, store)}; {LIST}"
    )


def _at(path: Path) -> list[Path]:
    folder = path if path.is_dir() else path.parent
    if is_run(folder):
        return [folder]
    found = below(folder) if path.is_dir() else []
    if found:
        return found
    for above in list(folder.resolve().parents)[:ABOVE]:
        if is_run(above):
            return [above]
    near = _nearest(path, path.name, path.parent)
    raise UserError(f"no run in {path}: looked for {', '.join(OF_A_RUN)} in it and below{near}; {LIST}")


def _nearest(path: Path, word: str, store: Path) -> str:
    """Suggest a folder with runs that may have been meant."""
    beside = [p for p in _folders(path.parent) if is_run(p) or below(p)]
    names = {str(p): p for p in beside} | {str(p): p for p in store_folders(store)}
    close = nearest(word, [p for p in names if p != str(path)])
    return f"; the nearest folder with a run is {close}" if close else ""


def _folders(place: Path) -> Iterable[Path]:
    try:
        return [p for p in sorted(place.iterdir()) if p.is_dir()][:200]
    except OSError:
        return []


def _of_study(word: str, store: Path, preset: str | None) -> list[Path]:
    """Return the run folders of STUDY:ARM or STUDY:ARM:SEED."""
    name, *rest = word.split(":")
    study = _study(name, store, preset)
    arm_name, _, seed_text = ":".join(rest).rpartition(":")
    planned = {arm.name: arm for arm in study.planned}
    arm = planned.get(":".join(rest))
    if arm is not None:
        return _there([(arm, seed) for seed in arm.seeds], study, store)
    arm = planned.get(arm_name)
    if arm is None:
        raise unknown(f"arm of {study.name}", arm_name or seed_text, [arm.name for arm in study.arms])
    if seed_text not in map(str, arm.seeds):
        seeds = ", ".join(map(str, arm.seeds))
        raise UserError(f"{study.name} does not plan seed '{seed_text}' of {arm.name}: its seeds are {seeds}")
    return _there([(arm, int(seed_text))], study, store)


def _there(planned: Sequence[tuple[Arm, int]], study: Study, store: Path) -> list[Path]:
    folders = [arm.folder(store, seed) for arm, seed in planned]
    found = [folder for folder in folders if is_run(folder)]
    if not found:
        names = ", ".join(f"{study.name}:{arm.name}:{seed}" for arm, seed in planned)
        raise UserError(f"{names} has not started: {folders[0]} does not exist")
    return found


def _study(name: str, store: Path, preset: str | None) -> Study:
    """Return the study as it was planned last, under the preset if one is given."""
    plans = {path.stem: path for path in (store / "studies").glob("*.json")}
    mine = [path for stem, path in plans.items() if name in (stem, study_of(stem))]
    if preset is not None:
        mine = [path for path in mine if path == manifest_path(store, name, preset)]
    if not mine:
        known = {study_of(stem) for stem in plans}
        if not known:
            raise UserError(
                f"no study is planned in {store}, so '{name}' cannot be found: give a run folder instead"
            )
        if name in known:
            valid = ", ".join(PRESETS)
            raise UserError(
                f"study '{name}' is not planned under preset {preset} in {store}; presets are {valid}"
            )
        raise unknown("study", name, known)
    return from_manifest(read_json(max(mine, key=lambda path: path.stat().st_mtime_ns)))
