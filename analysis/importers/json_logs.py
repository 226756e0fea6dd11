"""JSON logs: the trainer state of TRL (any Hugging Face trainer), verl's file logger, W&B histories and plain JSON lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from analysis.importers.logged import BROKE_OFF, ENDED, UNKNOWN_END, Logged, Rows, flat, json_value, together
from sspo import runlog
from sspo.errors import UserError

TRAINER_STATE = "trainer_state.json"
STEPS = ("step", "_step", "global_step", "train/global_step", "trainer/global_step")


def read_json_log(path: Path) -> Logged:
    """One run of a JSON or JSON-lines file. Raises UserError naming the line that is none."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is no text: give a JSON-lines file") from error
    whole = json_value(content)
    if isinstance(whole, Mapping) and isinstance(whole.get("log_history"), list):
        return _trainer_state(path, whole)
    rows, source, torn = Rows(path), "jsonl", ""
    lines = content.split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = json_value(line)
        if not isinstance(row, Mapping):
            if number == len(lines):
                torn = "its last line is torn"
                break
            raise UserError(f"{path.name} line {number} is no JSON object: cut it out, or give another file")
        if isinstance(row.get("data"), Mapping) and set(row) == {"step", "data"}:
            source, row = "verl", {"step": row["step"], **row["data"]}
        _add(rows, row, number)
    return Logged(source, (path,), rows.by_step, note=together(torn, rows.note))


def _add(rows: Rows, row: Mapping[str, Any], number: int) -> None:
    key = next((k for k in STEPS if row.get(k) is not None), None)
    if key is None:
        raise UserError(f"{rows.where.name} line {number} has no step (any of {', '.join(STEPS)})")
    rows.add(row[key], [(k, v) for k, v in flat(row).items() if k != key and not k.startswith("_")])


def _trainer_state(path: Path, state: Mapping[str, Any]) -> Logged:
    """A Hugging Face trainer's state; `epoch` and what the last line says of the whole run are no metrics."""
    rows = Rows(path)
    for number, row in enumerate(state["log_history"], 1):
        if not isinstance(row, Mapping):
            raise UserError(f"{path.name}: entry {number} of log_history is no object")
        if "train_runtime" not in row:
            _add(rows, {k: v for k, v in row.items() if k != "epoch"}, number)
    done, planned = state.get("global_step"), state.get("max_steps")
    ended = isinstance(done, int) and isinstance(planned, int) and 0 < planned <= done
    note = "" if ended else f"its trainer was at step {done} of {planned}"
    end = ENDED if ended else UNKNOWN_END
    return Logged("trl", (path,), rows.by_step, end=end, note=together(note, rows.note))


def read_run_folder(folder: Path) -> Logged:
    """A run folder of this project, by its metrics; its evaluations are read where the study's own store is reported."""
    log = read_json_log(folder / runlog.METRICS)
    done, failed = (folder / runlog.DONE).is_file(), (folder / runlog.FAILED).is_file()
    end = ENDED if done else BROKE_OFF if failed else UNKNOWN_END
    config = folder / runlog.CONFIG
    loaded = yaml.load(config.read_bytes(), Loader=yaml.CSafeLoader) if config.is_file() else {}
    return Logged("sspo", log.files, log.rows, flat(loaded or {}), end, log.note)
