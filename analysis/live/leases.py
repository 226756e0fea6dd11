"""The leases of a run: a worker touches its lease (the newest) every two seconds and records in it how the
attempt ended.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from sspo.config.json_file import read_object
from sspo.errors import UserError

FOLDER = "attempts"
NAME = re.compile(r"\d{4,9}\.json", re.ASCII)
OUTCOME_CHARACTERS = 80


@dataclass(frozen=True)
class Lease:
    """The newest lease of a run: its number, how it ended, and when its holder last touched it."""

    number: int
    outcome: str
    """Empty while the lease lasts, and if the file is torn: then it counts as held until it has been
    untouched for long.
    """
    touched: float


class Leases:
    """Polls the leases of a run folder; reads an ended lease only once."""

    def __init__(self, run: Path):
        self._folder = run / FOLDER
        self._ended: tuple[int, Lease] | None = None

    def newest(self) -> Lease | None:
        """Return the current lease; None if there has never been one."""
        try:
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries if NAME.fullmatch(entry.name)]
            if not names:
                return None
            path = self._folder / max(names, key=_number)
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if self._ended is not None and self._ended[0] == status.st_ino:
            return replace(self._ended[1], touched=status.st_mtime)
        lease = Lease(_number(path.name), _outcome(path), status.st_mtime)
        self._ended = (status.st_ino, lease) if lease.outcome else None
        return lease


def _outcome(path: Path) -> str:
    try:
        content = read_object(path, "")
    except UserError:
        return ""
    return "" if content is None else str(content.get("outcome", ""))[:OUTCOME_CHARACTERS]


def _number(name: str) -> int:
    return int(name.partition(".")[0])
