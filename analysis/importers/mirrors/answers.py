"""The evaluations of a mirror: its tables of final answers, checked by their digests, and means of the evaluations while training."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.importers.limits import check_cells, check_file, shown
from analysis.importers.mirrors.read import Mirrored
from sspo.config.json_file import parse_json
from sspo.errors import UserError
from sspo.runs.mirror_tables import ANSWERS, CURVE

PLACE = "place"
Row = Mapping[str, Any]


def final_answers(mirror: Mirrored) -> list[dict[str, Any]]:
    """Return every answer of its last evaluation as a row of eval.jsonl, in the order of the evaluation; none if it has no table.
    Raises UserError for a table that is missing or differs from what was mirrored."""
    tables: dict[str, Row] = {}
    for row in mirror.history:
        tables |= {
            key.removesuffix(".path"): row
            for key in row
            if key.startswith(f"{ANSWERS}/") and key.endswith(".path")
        }
    answers = [answer for key, row in tables.items() for answer in _rows(mirror, key, row)]
    check_cells(mirror.name, len(answers), 12)
    answers.sort(key=lambda answer: answer[PLACE])
    return [{"final": True, **answer} for answer in answers]


def _rows(mirror: Mirrored, key: str, row: Row) -> Iterator[dict[str, Any]]:
    path = _inside(mirror.path.parent / "files", str(row[f"{key}.path"]))
    if not path.is_file():
        raise UserError(
            f"{mirror.name} lacks the file of its table {shown(key)}: copy the whole offline-run folder"
        )
    content = check_file(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != row.get(f"{key}.sha256"):
        raise UserError(
            f"{mirror.name}: its table {shown(key)} differs from what was mirrored: copy the folder again"
        )
    try:
        table = parse_json(content)
        columns, lines = tuple(table["columns"]), table["data"]
        found = [dict(zip(columns, line, strict=True)) for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{mirror.name}: its table {shown(key)} is not a valid table") from error
    if not all(isinstance(answer.get(PLACE), int) for answer in found):
        raise UserError(f"{mirror.name}: its table {shown(key)} does not give the position of answers")
    for value in (answer.get("value") for answer in found):
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise UserError(
                f"{mirror.name}: its table {shown(key)} has a value {shown(value)}, but a score must be between 0 and 1"
            )
    yield from found


def _inside(folder: Path, name: str) -> Path:
    """Return a file below a folder. Raises UserError for a name that leads out of it."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise UserError(f"a W&B run names a file outside its folder: {shown(name)}")
    return path


def curve_answers(mirror: Mirrored, sets: list[str]) -> list[dict[str, Any]]:
    """Return the means of the evaluations while training, as one answer per set sampled at T = 1: the source of curves."""
    found = []
    for row in mirror.history:
        rollout = row.get("rollout", -1)
        for name in sets:
            key = f"{CURVE}/{name}"
            if isinstance(row.get(key), int | float):
                question = f"{name}, mean of an evaluation"
                drawn = {"mode": "sampled", "temperature": 1.0, "sample": 0, "value": float(row[key])}
                found.append({"rollout": rollout, "final": False, "set": name, "question": question, **drawn})
    return found
