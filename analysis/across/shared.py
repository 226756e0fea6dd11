"""Shared evidence: runs that several studies list. A run is identified by its cell, seed and epoch, not by the name of its arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.evidence.evidence import Evidence
from analysis.logs.trace import ranges
from analysis.registration.standing import NOT_BEGUN

Key = tuple[str, str, int]
"""Cell, folder level of its epoch, seed."""


@dataclass(frozen=True)
class Shared:
    """Runs of one cell that the same studies list under the same arms."""

    label: str
    """Its label in the studies; several names if they differ."""
    seeds: tuple[int, ...]
    studies: tuple[str, ...]
    """Folders of their reports."""

    @property
    def of_seeds(self) -> str:
        """`0-7`."""
        return ranges(self.seeds)


def begun(evidence: Evidence) -> list[Mapping[str, Any]]:
    """Return the runs that a study lists and that have started."""
    return [run for run in evidence.logs.runs if run["status"] != NOT_BEGUN]


def shared_runs(reports: Mapping[str, Evidence]) -> list[Shared]:
    """Return shared runs, sorted by the number of repeated listings, the most first. Runs of other tools have no cell to share."""
    listed: dict[Key, dict[str, str]] = {}
    for folder, evidence in reports.items():
        for key, label in _keys(evidence):
            listed.setdefault(key, {})[folder] = label
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[int]] = {}
    for (cell, level, seed), by_folder in listed.items():
        if len(by_folder) > 1:
            groups.setdefault((cell, level, tuple(by_folder.items())), []).append(seed)
    found = [
        Shared(
            label=" / ".join(dict.fromkeys(label for _, label in by_folder)),
            seeds=tuple(sorted(seeds)),
            studies=tuple(folder for folder, _ in by_folder),
        )
        for (_, _, by_folder), seeds in groups.items()
    ]
    return sorted(found, key=lambda s: (-again([s]), -len(s.seeds), s.label, s.studies))


def again(shared: Sequence[Shared]) -> int:
    """Count the repeated listings of runs."""
    return sum(len(s.seeds) * (len(s.studies) - 1) for s in shared)


def _keys(evidence: Evidence) -> Iterator[tuple[Key, str]]:
    if evidence.study.imported:
        return
    for run in begun(evidence):
        arm = evidence.study.arm(str(run["arm"]))
        key = (str(run["cell"]), str(run.get("level") or ""), int(run["seed"]))
        yield key, arm.label if arm else str(run["arm"])
