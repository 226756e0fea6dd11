"""An evaluation's folder: config.yaml, env.json, eval.jsonl and, last, DONE.json, like those of a run.

Rows have one order (sspo/evaluation/order.py), so the complete lines that a killed process left are a prefix of the
whole, and the next process continues after them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

from sspo.config.json_file import read_object
from sspo.errors import UserError
from sspo.evaluate.asked import difference
from sspo.runs.logfile import LogFile, extent_of
from sspo.runs.runlog import CONFIG, DONE, ENVIRONMENT, EVAL, write_atomic, write_marker
from sspo.types import STATUSES

Row = Mapping[str, Any]
Key = tuple[str, str, float, int]
EVALUATIONS = "evaluations"
ASKED = "asked"
"""Key of env.json that holds the identity of the evaluation."""


class Folder:
    """The only writer of an evaluation."""

    def __init__(self, path: Path):
        self.path = path
        self.log = LogFile(path / EVAL)

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise UserError if the folder holds a different evaluation, or something else."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"out={self.path} is a file: use a folder")
        environment = read_object(self.path / ENVIRONMENT, "set out= to a different folder")
        if environment is None:
            strange = [name for name in (EVAL, CONFIG) if (self.path / name).exists()]
            if strange:
                raise UserError(
                    f"out={self.path} holds no evaluation to continue, but has {strange[0]}: use a different folder"
                )
            return
        there = environment.get(ASKED)
        if not isinstance(there, dict):
            raise UserError(
                f"out={self.path} is the folder of a run, not of an evaluation: use a different one"
            )
        differs = difference(there, options)
        if differs is not None:
            raise UserError(
                f"out={self.path} holds a different evaluation ({differs}): repeat its words to continue it, or use a different folder"
            )

    def is_done(self) -> bool:
        """Return whether the evaluation is finished. Raises UserError if its log has changed since."""
        done = read_object(self.path / DONE, "delete the folder to evaluate again")
        if done is None:
            return False
        if done.get("logs") != {EVAL: asdict(extent_of(self.path / EVAL))}:
            raise UserError(
                f"{self.path / EVAL} has changed since the evaluation ended: delete the folder to evaluate again"
            )
        return True

    def describe(self, config: Mapping[str, Any], environment: Mapping[str, Any]) -> None:
        """Write config.yaml and env.json. Raises OSError."""
        write_atomic(self.path / CONFIG, yaml.safe_dump(dict(config), sort_keys=False))
        write_atomic(self.path / ENVIRONMENT, json.dumps(environment, indent=1, sort_keys=True) + "\n")

    def answered(self, keys: Iterable[Key], rollout: int) -> int:
        """Return the number of complete rows, which must be the first of `keys` after that rollout. Raises UserError if
        they are not.
        """
        rows = self.rows()
        for number, (row, key) in enumerate(zip_longest(rows, keys), 1):
            if row is None:
                break
            if key is None or key_of(row) != key or row["rollout"] != rollout:
                raise UserError(
                    f"line {number} of {self.path / EVAL} is not the expected answer of this evaluation: set out= to a different folder"
                )
        return len(rows)

    def keep(self, rows: int) -> None:
        """Cut the log after its first rows. Raises OSError."""
        lines = self._lines()[:rows]
        self.log.cut(sum(len(line) for line in lines))

    def append(self, rows: Sequence[Row]) -> None:
        """Append the rows of answers that came together. Raises OSError."""
        self.log.append("".join(json.dumps(row, allow_nan=False) + "\n" for row in rows))

    def rows(self) -> list[dict[str, Any]]:
        """Return all complete rows. Raises UserError for a damaged one."""
        found = []
        for number, line in enumerate(self._lines(), 1):
            try:
                row = json.loads(line)
                _check(row)
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"line {number} of {self.path / EVAL} is damaged: set out= to a different folder"
                ) from error
            found.append(row)
        return found

    def finish(self, content: Mapping[str, Any]) -> None:
        """Mark the evaluation finished, once everything is on disk. Raises OSError."""
        write_marker(self.path, DONE, {**content, "logs": {EVAL: asdict(self.log.settle())}})

    def _lines(self) -> list[bytes]:
        path = self.path / EVAL
        content = path.read_bytes() if path.is_file() else b""
        return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]


def _check(row: Any) -> None:
    """Raise KeyError, TypeError or ValueError for a row that no evaluation writes."""
    temperature, value, tokens = row["temperature"], row["value"], row["tokens"]
    fits = (
        all(isinstance(row[name], str) for name in ("set", "question", "mode", "status"))
        and all(type(number) is int and number >= 0 for number in (row["sample"], tokens))
        and isinstance(temperature, float)
        and isinstance(value, float)
        and 0 <= value <= 1
        and row["final"] is True
        and row["mode"] == ("sampled" if temperature else "greedy")
        and row["status"] in STATUSES
        and type(row["rollout"]) is int
        and isinstance(row.get("answer"), str | None)
    )
    if not fits:
        raise ValueError("a row that no evaluation writes")


def key_of(row: Row) -> Key:
    """Return the identity of a row's answer."""
    return row["set"], row["question"], row["temperature"], row["sample"]
