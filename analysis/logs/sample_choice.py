"""The choice of the sampled responses in the run folders that a report shows.

Up to SAMPLES responses of every arm of role arm or no_clip, the same for all arms so that they can be compared:

- seed: the smallest of those at which most arms logged samples;
- rollouts: the first logged one, where the arms of a seed still sample the same tokens, and the last one. If arms
  differ in them, the ones that most arms have (the later one of a tie);
- prompts: the first ones of each rollout, ordered by how many arms' responses have an advantage
  (without an advantage nothing can be clipped). Neither ratios nor clipping affect the choice.

A response is kept up to TOKENS tokens, in whole segments.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.samples import Sample, head, sample_of
from sspo.runs import runlog

SAMPLES = 4
TOKENS = 320
BAD_LINE = (ValueError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True)
class Place:
    """The position of a sample in its file, and whether any of it can be clipped."""

    line: int
    offset: int
    active: bool


Index = Mapping[tuple[int, int], Place]
"""(rollout, row) to place."""


def choose_samples(
    runs: Sequence[Mapping[str, Any]], folders: Mapping[int, Path]
) -> tuple[list[Sample], dict[int, str]]:
    """Return the samples to show, and a sentence for each inspected run whose samples cannot be read.

    `folders` are the folders of the runs to choose from, by their index in `runs`.
    """
    paths = {run: folder / runlog.SAMPLES for run, folder in folders.items()}
    paths = {run: path for run, path in paths.items() if path.is_file() and path.stat().st_size}
    seeds = Counter(int(runs[run]["seed"]) for run in paths)
    seed = min(seeds, key=lambda s: (-seeds[s], s), default=None)
    found: dict[int, Index] = {}
    broken: dict[int, str] = {}
    for run, path in paths.items():
        if runs[run]["seed"] == seed:
            try:
                if index := index_of(path):
                    found[run] = index
            except ValueError as error:
                broken[run] = str(error)
    samples = []
    for key in _chosen(list(found.values())):
        for run, index in found.items():
            if key in index:
                try:
                    samples.append(head(read_at(paths[run], index[key], run), TOKENS))
                except ValueError as error:
                    broken[run] = str(error)
    return samples, broken


def index_of(path: Path) -> Index:
    """Index every sample of a file: the later of two duplicates counts, and a torn last line is ignored. Raises ValueError that names a bad line."""
    index: dict[tuple[int, int], Place] = {}
    offset = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.endswith(b"\n"):
                try:
                    row = json.loads(line)
                    index[int(row["rollout"]), int(row["row"])] = Place(number, offset, row["advantage"] != 0)
                except BAD_LINE as error:
                    raise _broken(path, number) from error
            offset += len(line)
    return index


def read_at(path: Path, place: Place, run: int) -> Sample:
    """Read the sample at a place. Raises ValueError that names a bad line."""
    with path.open("rb") as stream:
        stream.seek(place.offset)
        try:
            return sample_of(json.loads(stream.readline()), run)
        except BAD_LINE as error:
            raise _broken(path, place.line) from error


def _broken(path: Path, line: int) -> ValueError:
    return ValueError(f"{path.name} is broken at line {line}")


def _chosen(indices: Sequence[Index]) -> Iterable[tuple[int, int]]:
    """Return the (rollout, row) of the samples to show, in order."""
    if not indices:
        return
    ends = [[rollout for rollout, _ in index] for index in indices]
    rollouts = sorted({_usual([min(logged) for logged in ends]), _usual([max(logged) for logged in ends])})
    for rollout in rollouts:
        active: Counter[int] = Counter()
        for index in indices:
            for (number, row), place in index.items():
                if number == rollout:
                    active[row] += place.active
        for row in sorted(active, key=lambda row: (-active[row], row))[: SAMPLES // len(rollouts)]:
            yield rollout, row


def _usual(numbers: Sequence[int]) -> int:
    """Return the most frequent number, the greatest of a tie."""
    counts = Counter(numbers)
    return max(counts, key=lambda number: (counts[number], number))
