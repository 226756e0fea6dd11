"""A mirror as a run: its record, its metrics and its answers, as `logs/run_folders.py` reads them from a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from analysis.importers.mirrors.answers import curve_answers, final_answers
from analysis.importers.mirrors.read import Mirrored
from analysis.logs.jsonl import BadLine, check_filled
from analysis.logs.run_files import DIVERGED, DONE, FAILED, MISSING, RUNNING, settings
from analysis.logs.run_folders import COUNTED, EVAL_COLUMNS, METRIC_COLUMNS, NEEDED, RunRead, code_of
from analysis.logs.timing import COLUMNS as TIMING_COLUMNS
from analysis.logs.timing import KEYS, once_a_rollout
from sspo.errors import UserError
from sspo.runs import runlog, tracking

STATES = {tracking.ENDED: DONE, tracking.DIVERGED: DIVERGED, tracking.FAILED: FAILED}
WHY = {
    FAILED: "its mirror records a failure",
    RUNNING: "its mirror has no end: it is running, or was killed",
    MISSING: "it has no mirror",
}


def read_run(arm: str, cell: str, seed: int, mirror: Mirrored | None) -> RunRead:
    """Build the run of an arm under a seed. Raises UserError if the run counts and its mirror's answers are not valid."""
    whose = {"arm": arm, "seed": seed, "cell": cell}
    if mirror is None:
        return _nothing(whose | _state(MISSING) | _of({}, {}))
    end = {key: mirror.last(f"run/{key}") for key in tracking.OF_THE_END}
    status = STATES.get(str(mirror.last(tracking.STATE)), RUNNING)
    record = whose | _state(status, mirror.torn) | _of(mirror.config, mirror.group("environment"), end)
    if status not in COUNTED:
        return _nothing(record)
    answers = final_answers(mirror)
    sets = list(dict.fromkeys(str(answer.get("set")) for answer in answers))
    metrics = [row for row in mirror.history if "update" in row]
    timed = [row for row in metrics if any(key in row for key in KEYS)]
    return RunRead(
        record,
        _table(mirror, metrics, METRIC_COLUMNS, runlog.METRICS),
        _table(mirror, [*curve_answers(mirror, sets), *answers], EVAL_COLUMNS, runlog.EVAL),
        once_a_rollout(_table(mirror, timed, TIMING_COLUMNS, runlog.TIMING)),
    )


def _state(status: str, torn: str = "") -> dict[str, Any]:
    said = "; ".join(text for text in (WHY.get(status, ""), torn) if text)
    return {"status": status, "reason": DIVERGED if status == DIVERGED else said, "message": said}


def _of(
    config: Mapping[str, Any], environment: Mapping[str, Any], end: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the part of configuration, code and end that a record holds."""
    ended = {key: (end or {}).get(key) for key in tracking.OF_THE_END}
    return {**ended, **code_of(environment), **settings(config)}


def _nothing(record: dict[str, Any]) -> RunRead:
    return RunRead(record, METRIC_COLUMNS.empty_table(), EVAL_COLUMNS.empty_table())


def _table(mirror: Mirrored, rows: Sequence[Mapping[str, Any]], schema: pa.Schema, log: str) -> pa.Table:
    names = schema.names
    try:
        table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=schema)
        check_filled(table, NEEDED[log])
    except (pa.ArrowException, TypeError, OverflowError, ValueError, BadLine) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{mirror.name} holds rows of {log} that are not valid ({said})") from error
    return table
