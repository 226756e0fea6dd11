"""JSON logs: trainer states of TRL, verl's file logger, W&B histories and plain JSON lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analysis.importers.formats import trl, verl
from analysis.importers.importer import Importer, Named
from analysis.importers.limits import check_file, clean
from analysis.importers.logged import Logged, flat, json_value, together
from analysis.importers.rows import Rows
from sspo.errors import UserError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def matches(path: Path, head: bytes) -> bool:
    """Return whether a file begins with a JSON object."""
    return head.removeprefix(BYTE_ORDER_MARK).lstrip().startswith(b"{")


def read(path: Path, named: Named) -> list[Logged]:
    """Read the run of a file."""
    return [read_json_log(path, named.step)]


def read_states(folder: Path, named: Named) -> list[Logged]:
    """Read the trainer state in a folder with the most steps."""
    logs = [read_json_log(path) for path in trl.files_in(folder)]
    return [max(logs, key=lambda run: max(run.rows, default=-1))] if logs else []


def read_json_log(path: Path, step_from: str | None = None) -> Logged:
    """Read the run of a JSON or JSON-lines file. Raises UserError that names a line which is not an object."""
    try:
        content = check_file(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{clean(path.name)} is not text: pass a JSON-lines file") from error
    whole = json_value(content) if content.rstrip().endswith("}") else None
    if trl.is_state(whole):
        return trl.read_state(path, whole)
    rows, source, torn = Rows(path, step_from), "jsonl", ""
    lines = content.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = json_value(line)
        if not isinstance(row, Mapping):
            if number == len(lines):
                torn = "its last line is torn"
                break
            raise UserError(
                f"{clean(path.name)} line {number} is not a JSON object: remove it, or pass a different file"
            )
        if verl.is_row(row):
            source, row = "verl", {**row["data"], "step": row["step"]}
        rows.add(number, flat(row).items())
    found = rows.by_step()
    note = together(torn, rows.note(found))
    return Logged(source, (path,), found, note=note, unread=rows.unread(found))


IMPORTER = Importer(matches=matches, read=read, in_folder=read_states)
