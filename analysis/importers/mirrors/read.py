"""Offline W&B runs of ours: what tracking=wandb_offline leaves in a run folder, wherever it was copied to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.importers.formats.wandb_file import (
    CONFIG,
    HISTORY,
    RUN,
    configured,
    history_row,
    matches,
    records,
)
from analysis.importers.formats.wire import BadMessage, fields
from analysis.importers.limits import check_file, check_numbers, check_runs, shown_path
from sspo.errors import UserError

DEEPEST = 8
"""Folders below the one that is given: a store has its mirrors six below."""


@dataclass(frozen=True)
class Mirrored:
    """One mirror of a run of ours."""

    path: Path
    """The .wandb file."""
    cell: str
    seed: int
    config: Mapping[str, Any]
    """Options, and beside them `cell`, `environment` and `plans`."""
    history: Sequence[Mapping[str, Any]]
    """By optimiser step, names with dots."""
    torn: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def begun(self) -> str:
        """When, in an order of texts: W&B's folders have the time in their name."""
        return self.path.parent.name

    def last(self, key: str) -> Any:
        """The value of a key that was logged last; None where none was."""
        return next((row[key] for row in reversed(self.history) if key in row), None)

    def group(self, key: str) -> Mapping[str, Any]:
        """A mapping of its configuration; empty where there is none."""
        found = self.config.get(key)
        return found if isinstance(found, Mapping) else {}


def find_mirrors(folders: Sequence[Path]) -> tuple[list[Mirrored], int]:
    """The mirrors below folders, oldest first, and how many other W&B runs lie there. Raises UserError where none is ours, or
    a run is there twice."""
    found: dict[tuple[str, int], Mirrored] = {}
    others = 0
    for path in (file for folder in folders for file in _files(folder)):
        mirror = _read(path)
        if mirror is None:
            others += 1
            continue
        twin = found.setdefault((mirror.cell, mirror.seed), mirror)
        if twin is not mirror and twin.path.resolve() != mirror.path.resolve():
            raise UserError(
                f"cell {mirror.cell} seed {mirror.seed} is there twice, in {twin.name} and in {mirror.name}: leave one of them out"
            )
        check_runs("this import", len(found))
    if not found:
        raise UserError(
            f"{', '.join(map(shown_path, folders))} holds no W&B mirror of a run of this project: give a folder with "
            "offline-run-* folders of runs that were trained with tracking=wandb_offline"
        )
    return sorted(found.values(), key=lambda mirror: mirror.begun), others


def _files(folder: Path) -> Iterator[Path]:
    """The .wandb files of a folder, without following links; what is hidden is what a new process left of an older mirror."""
    if not folder.is_dir():
        raise UserError(f"{shown_path(folder)} is no folder: give one that holds offline-run-* folders")
    for name, folders, files in os.walk(folder):
        deep = len(Path(name).relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if deep else sorted(each for each in folders if not each.startswith("."))
        yield from (Path(name, file) for file in sorted(files) if file.endswith(".wandb"))


def _read(path: Path) -> Mirrored | None:
    """The mirror in a file; None where the run is not of ours, or of before mirrors named their cell."""
    config: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    torn, count = "", 0
    try:
        content = check_file(path).read_bytes()
        if not matches(path, content[:8]):
            return None
        for record in records(content):
            for number, body in fields(record):
                if not isinstance(body, bytes):
                    continue
                if number in (CONFIG, RUN):
                    config |= configured(number, body)
                elif number == HISTORY:
                    history.append(history_row(body))
                    count += len(history[-1])
                    check_numbers(path.name, count)
    except BadMessage as error:
        torn = f"torn after {len(history)} rows ({error})"
    except OSError as error:
        raise UserError(f"{shown_path(path)} cannot be read ({error.strerror or error})") from error
    cell, seed = config.get("cell"), config.get("seed")
    if not isinstance(cell, str) or not isinstance(seed, int) or isinstance(seed, bool):
        return None
    return Mirrored(path, cell, seed, config, history, torn)
