"""Sizes and digests of logs in a finished run's marker, so that a log that was cut or changed afterwards is detected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from analysis.logs.column_cache import ReadLog
from analysis.logs.run_files import Damaged, marker, number
from sspo.runs import runlog


@dataclass(frozen=True)
class Ended:
    """The logs of a run as they were when its marker was written."""

    steps: int | None = None
    """Optimizer steps of a finished run; None if its marker does not record them."""
    extents: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """File name to (bytes, SHA-256); empty in markers written before these were kept."""

    def flaw(self, name: str, log: ReadLog) -> str | None:
        """Return what is wrong with a log, in words; None if it matches the marker, as far as the marker records it."""
        if self.extents:
            size, sha256 = self.extents.get(name, (0, ""))
            if log.size != size:
                return f"{name} has {log.size} bytes and the run ended with {size}"
            return f"{name} was changed after the run ended" if size and log.sha256 != sha256 else None
        if name != runlog.METRICS or self.steps is None:
            return None
        last = pc.max(log.table.column("step")).as_py() or 0
        return f"{name} ends at step {last}, but the run at {self.steps}" if last != self.steps else None


def ended_logs(folder: Path) -> Ended:
    """Read the marker of a run folder. Raises Damaged if it is not valid."""
    for name in (runlog.DONE, runlog.FAILED):
        content = marker(folder, name)
        if content is not None:
            return ended_with(content, name)
    return Ended()


def ended_with(content: Mapping[str, Any], name: str) -> Ended:
    """Parse a marker's content. Raises Damaged if it is not valid."""
    steps = number(content, "steps", name)
    try:
        extents = {
            str(log): (int(of["size"]), str(of["sha256"])) for log, of in (content.get("logs") or {}).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise Damaged(name, f"{name} is damaged: its record of the logs is not valid") from error
    return Ended(None if steps is None else int(steps), extents)
