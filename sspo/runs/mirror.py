"""A run folder's logs as a mirror shows them: numbers and tables by optimizer step.

metrics.jsonl is mirrored line by line. The entries of timing.jsonl, eval.jsonl and samples.jsonl for a rollout appear
at its last line; evaluations become means per set and decoding, and the answers of the last one a table. Everything is
computed from files, so a restarted mirror equals an uninterrupted one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sspo.runs.mirror_tables import ANSWERS, EVALUATED, Table, answer_tables, sample_table, summary
from sspo.runs.runlog import EVAL, METRICS, SAMPLES, TIMING, Row

BEFORE = -1
"""The rollout that an evaluation before the first one names."""


@dataclass(kw_only=True)
class Entry:
    """The data mirrored at one optimizer step."""

    step: int
    values: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)

    def of_the_end(self, step: int) -> Entry:
        """Return the part that belongs to the last evaluation, to be mirrored at another step."""
        values = {key: value for key, value in self.values.items() if key.startswith(f"{EVALUATED}/")}
        tables = {key: table for key, table in self.tables.items() if key.startswith(f"{ANSWERS}/")}
        return Entry(step=step, values=values, tables=tables)


class Mirror:
    """Reads a run folder; each call returns the lines logged since the previous one."""

    def __init__(self, folder: Path):
        self.logs = {name: _Growing(folder / name) for name in (METRICS, TIMING, EVAL, SAMPLES)}
        self.ends = {BEFORE: 0}
        """The last step of each rollout."""
        self.at = 0
        """The largest step mirrored so far; a mirror accepts none below it."""

    def fresh(self) -> list[Entry]:
        """Return new entries by step; steps increase over all calls."""
        found: dict[int, Entry] = {}
        for row in self.logs[METRICS].rows():
            self.ends[row["rollout"]] = row["step"]
            found[row["step"]] = Entry(step=row["step"], values=_known(row))
        for rollout, values, tables in self._beside():
            step = max(self.ends.get(rollout, self.at), self.at)
            entry = found.setdefault(step, Entry(step=step, values={"step": step}))
            entry.values |= values
            entry.tables |= tables
        self.at = max([self.at, *found])
        return [found[step] for step in sorted(found)]

    def _beside(self) -> Iterator[tuple[int, dict[str, Any], dict[str, Table]]]:
        """Yield rollout, numbers and tables of logs that are written less often than steps."""
        for row in self.logs[TIMING].rows():
            values = _known(row)
            yield values.pop("rollout"), values, {}
        for (rollout, final), rows in _groups(self.logs[EVAL].rows(), "rollout", "final").items():
            yield rollout, summary(rows, final=final), answer_tables(rows) if final else {}
        for (rollout,), rows in _groups(self.logs[SAMPLES].rows(), "rollout").items():
            yield rollout, {}, sample_table(rows)


class _Growing:
    """A log of JSON lines and how far it was read. An incomplete last line is left for the next call."""

    def __init__(self, path: Path):
        self.path, self.read = path, 0

    def rows(self) -> Iterator[Row]:
        if not self.path.is_file():
            return
        with self.path.open("rb") as stream:
            stream.seek(self.read)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self.read += len(line)
                yield json.loads(line)


def _known(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value is not None}


def _groups(rows: Iterator[Row], *keys: str) -> Mapping[tuple[Any, ...], list[Row]]:
    """Return rows grouped by their values of keys, in the order of the log, without long texts so that an evaluation
    fits into memory.
    """
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        kept = {key: value for key, value in row.items() if key != "response"}
        found.setdefault(tuple(row[key] for key in keys), []).append(kept)
    return found
