"""Our own folders: an evaluation, or the final answers of a training run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.importers.limits import MOST_BYTES, check_file, clean, shown_path
from analysis.importers.outcomes.answers import checked
from analysis.importers.outcomes.asked import questions, scored_by, whose_weights
from analysis.importers.outcomes.metric import chosen
from analysis.importers.outcomes.outcomes import COLUMNS, Outcomes
from analysis.logs.column_cache import ReadLog
from analysis.logs.ended import Ended, ended_logs
from analysis.logs.jsonl import BadLine, check_filled, parse_lines, whole_lines
from analysis.logs.run_files import Damaged, configuration, marker, setting, standing
from analysis.logs.run_folders import COUNTED, EVAL_COLUMNS, NEEDED, whole_answers
from sspo.errors import UserError
from sspo.runs import runlog

WEIGHTS = "weights"
"""Key of env.json that names the evaluated checkpoint of a training run."""
ANSWER = ["set", "question", "mode", "temperature", "sample"]
METRIC = "value"
TORN = "The last line of its log is torn and was left out."


def matches(row: Mapping[str, Any]) -> bool:
    """Return whether a JSON line is one of our answers."""
    return row.keys() >= {"set", "question", "mode", "sample", "value", "status"}


def read(files: Sequence[Path], asked: Sequence[str]) -> list[Outcomes]:
    """Read one evaluation per folder, each finished. Raises UserError for an unfinished one, and for a metric that is missing."""
    found = []
    for path in files:
        where = clean(f"{path.parent.name}/{path.name}")
        chosen([METRIC], asked, where)
        one = read_folder(path.parent)
        if not one.finished:
            raise UserError(
                f"{clean(path.parent.name)} is incomplete: it has no {runlog.DONE}; let the evaluation finish"
            )
        checked(one.rows, where)
        found.append(one)
    return found


def read_folder(path: Path) -> Outcomes:
    """Read the evaluation in one of our folders, finished or not. Raises UserError for a folder that is not one, or is damaged."""
    log = path / runlog.EVAL
    if not log.is_file():
        raise UserError(
            f"{shown_path(path)} has no {runlog.EVAL}: pass the folder of an evaluation or of a training run"
        )
    try:
        config, environment = configuration(path), marker(path, runlog.ENVIRONMENT) or {}
        status = str(standing(path).state()["status"])
        done = status in COUNTED
        rows, torn = _rows(log, ended_logs(path) if done else Ended())
        how, asked = scored_by(config, environment, rows), questions(environment)
        weights = whose_weights(environment, status)
    except Damaged as error:
        raise UserError(f"{shown_path(path)}: {error}") from error
    return Outcomes(
        source="sspo",
        files=(log,),
        name=_name(path, config, environment),
        rows=rows,
        scored_by=how,
        note=" ".join(said for said in (TORN if torn else "", weights) if said),
        finished=done,
        questions=asked,
    )


def _rows(log: Path, ended: Ended) -> tuple[pd.DataFrame, bool]:
    """Return the final answers as COLUMNS, and whether a torn line was left out. Raises UserError for a log that is not valid."""
    content = check_file(log, MOST_BYTES).read_bytes()
    lines = whole_lines(content)
    try:
        table = parse_lines(lines, EVAL_COLUMNS)
        check_filled(table, NEEDED[runlog.EVAL])
    except BadLine as error:
        raise UserError(f"{shown_path(log)} is damaged: {error}") from error
    flaw = ended.flaw(runlog.EVAL, ReadLog(table, len(content), hashlib.sha256(lines).hexdigest()))
    if flaw is not None:
        raise UserError(f"{shown_path(log.parent)}: {flaw}; evaluate again, or restore the file")
    return _final(whole_answers(table, lines), log), len(lines) < len(content)


def _final(table: pa.Table, log: Path) -> pd.DataFrame:
    rows = table.to_pandas()
    rows = rows[rows["final"].astype(bool)]
    rows = rows[rows["rollout"] == rows["rollout"].max()].drop_duplicates(ANSWER, keep="last")
    wrong = rows.loc[~rows["value"].between(0, 1), "value"]
    if len(wrong):
        raise UserError(
            f"{shown_path(log)} holds a value of {wrong.iloc[0]:g}, but a score must be between 0 and 1"
        )
    rows = rows.assign(
        temperature=rows["temperature"].astype("float64"),
        value=rows["value"].astype("float64"),
        tokens=rows["tokens"].astype("float64"),
        truncated=(rows["status"] == "truncated").astype(object),
        answer=rows["answer"].astype(object).where(rows["answer"].notna(), None),
    )
    return rows[list(COLUMNS)].reset_index(drop=True)


def _name(path: Path, config: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """Return the model's name, or cell and seed of the run that was trained."""
    weights = environment.get(WEIGHTS)
    if isinstance(weights, str):
        return "/".join(Path(weights).parts[-4:-2]) or weights
    trained = (path / runlog.METRICS).is_file()
    model = setting(config, "model.path")
    return "/".join(path.parts[-2:]) if trained or model is None else Path(str(model)).name
