"""JSON logs: the trainer state of TRL (any Hugging Face trainer), verl's file logger, W&B histories and plain JSON lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.importers.limits import MOST_SETTINGS_BYTES, check_file, clean
from analysis.importers.logged import BROKE_OFF, ENDED, UNKNOWN_END, Logged, flat, json_value, together
from analysis.importers.rows import Rows
from analysis.importers.settings import read_settings
from sspo.errors import UserError
from sspo.runs import runlog

TRAINER_STATE = "trainer_state.json"


def read_json_log(path: Path, step_from: str | None = None) -> Logged:
    """One run of a JSON or JSON-lines file. Raises UserError naming the line that is none."""
    try:
        content = check_file(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{clean(path.name)} is no text: give a JSON-lines file") from error
    whole = json_value(content) if content.rstrip().endswith("}") else None
    if isinstance(whole, Mapping) and isinstance(whole.get("log_history"), list):
        return _trainer_state(path, whole)
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
                f"{clean(path.name)} line {number} is no JSON object: cut it out, or give another file"
            )
        if isinstance(row.get("data"), Mapping) and set(row) == {"step", "data"}:
            source, row = "verl", {**row["data"], "step": row["step"]}
        rows.add(number, flat(row).items())
    return _logged(source, path, rows, torn)


def _logged(source: str, path: Path, rows: Rows, *notes: str, end: str = UNKNOWN_END) -> Logged:
    found = rows.by_step()
    note = together(*notes, rows.note(found))
    return Logged(source, (path,), found, end=end, note=note, unread=rows.unread(found))


def _trainer_state(path: Path, state: Mapping[str, Any]) -> Logged:
    """A Hugging Face trainer's state; `epoch` and what the last line says of the whole run are no metrics."""
    rows = Rows(path)
    for number, row in enumerate(state["log_history"], 1):
        if not isinstance(row, Mapping):
            raise UserError(f"{clean(path.name)}: entry {number} of log_history is no object")
        if "train_runtime" not in row:
            rows.add(number, ((k, v) for k, v in flat(row).items() if k != "epoch"))
    done, planned = state.get("global_step"), state.get("max_steps")
    ended = isinstance(done, int) and isinstance(planned, int) and 0 < planned <= done
    note = "" if ended else f"its trainer was at step {done} of {planned}"
    return _logged("trl", path, rows, note, end=ENDED if ended else UNKNOWN_END)


def read_run_folder(folder: Path) -> Logged:
    """A run folder of this project, by its metrics; its evaluations are read where the study's own store is reported."""
    log = read_json_log(folder / runlog.METRICS, "step")
    done, failed = (folder / runlog.DONE).is_file(), (folder / runlog.FAILED).is_file()
    end = ENDED if done else BROKE_OFF if failed else UNKNOWN_END
    config = folder / runlog.CONFIG
    loaded = read_settings(config, MOST_SETTINGS_BYTES) if config.is_file() else {}
    return Logged("sspo", log.files, log.rows, flat(loaded), end, log.note)
