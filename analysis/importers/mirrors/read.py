"""Our offline W&B runs: the files that tracking=wandb_offline writes into a run folder, wherever they were copied to."""

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
"""Levels of folders below the given one: a store has its mirrors six levels down."""


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
    """Rows by optimizer step, names with dots."""
    torn: str = ""

    @property
    def name(self) -> str:
        """Return its name in messages."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def begun(self) -> str:
        """Return when it was begun, as text that sorts by time: W&B's folders have the time in their name."""
        return self.path.parent.name

    def last(self, key: str) -> Any:
        """Return the last logged value of a key; None if there is none."""
        return next((row[key] for row in reversed(self.history) if key in row), None)

    def group(self, key: str) -> Mapping[str, Any]:
        """Return a mapping of its configuration; empty if there is none."""
        found = self.config.get(key)
        return found if isinstance(found, Mapping) else {}


def find_mirrors(folders: Sequence[Path]) -> tuple[list[Mirrored], int]:
    """Find the mirrors below folders, oldest first, and the number of other W&B runs there. Raises UserError if none is ours, or
    if a run appears twice."""
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
                f"cell {mirror.cell} seed {mirror.seed} appears twice, in {twin.name} and in {mirror.name}: leave one of them out"
            )
        check_runs("this import", len(found))
    if not found:
        raise UserError(
            f"{', '.join(map(shown_path, folders))} holds no W&B mirror of a run of this project: pass a folder with "
            "offline-run-* folders of runs that were trained with tracking=wandb_offline"
        )
    return sorted(found.values(), key=lambda mirror: mirror.begun), others


def _files(folder: Path) -> Iterator[Path]:
    """Yield the .wandb files of a folder, without following links; hidden files are remains of an older mirror."""
    if not folder.is_dir():
        raise UserError(f"{shown_path(folder)} is not a folder: pass one that holds offline-run-* folders")
    for name, folders, files in os.walk(folder):
        deep = len(Path(name).relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if deep else sorted(each for each in folders if not each.startswith("."))
        yield from (Path(name, file) for file in sorted(files) if file.endswith(".wandb"))


def _read(path: Path) -> Mirrored | None:
    """Read the mirror in a file. Return None if the run is not ours, or older than mirrors that name their cell."""
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
