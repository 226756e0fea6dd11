"""Run folders to compact logs. Apart from analysis.logs.sample_choice, the only reader of run folders in this package."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analysis.logs.column_cache import read_log
from analysis.logs.compact import (
    EVAL_SCHEMA,
    METRIC_SCHEMA,
    OPTIONAL,
    OPTIONAL_METRICS,
    STATED,
    filled,
    write_logs,
)
from analysis.logs.contamination import write_contamination
from analysis.logs.ended import Ended, ended_logs
from analysis.logs.jsonl import BadLine, check_filled, stated, whole_lines
from analysis.logs.manifest import Arm, NothingToReport, Study, from_manifest, sweep_command
from analysis.logs.run_files import (
    BROKEN,
    DIVERGED,
    DONE,
    FAILED,
    MISSING,
    RUNNING,
    Damaged,
    configuration,
    damaged_log,
    marker,
    number,
    settings,
    single,
    standing,
)
from analysis.logs.sample_choice import choose_samples
from analysis.logs.samples import SHOWN_ROLES, Sample
from analysis.logs.timing import COLUMNS as TIMING_COLUMNS
from analysis.logs.timing import SCHEMA as TIMING_SCHEMA
from analysis.logs.timing import once_a_rollout
from sspo.runs import runlog
from sspo.runs.carried import PLANNED
from sspo.runs.identity import cell_folder

LOST = (DIVERGED, FAILED, BROKEN, RUNNING, MISSING)
COUNTED = (DONE, DIVERGED)
"""States whose runs are scored: a diverged run is scored by its last finite checkpoint."""
CODE = ("git_revision", "git_diff_sha256", "code_sha256", "code_key", "epoch", "base")
"""Keys of env.json that a record holds, besides versions."""

METRIC_COLUMNS = METRIC_SCHEMA.remove(0)
EVAL_COLUMNS = pa.schema(
    (f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type)
    for f in (*EVAL_SCHEMA, *OPTIONAL)
    if f.name != "run"
)
RESULTS = (runlog.METRICS, runlog.EVAL)
LOGS = {runlog.METRICS: METRIC_COLUMNS, runlog.EVAL: EVAL_COLUMNS, runlog.TIMING: TIMING_COLUMNS}
NEEDED = {
    runlog.METRICS: ("step", "rollout", "update"),
    runlog.EVAL: ("rollout", "final", "set", "question", "mode", "temperature", "sample", "value"),
    runlog.TIMING: ("rollout",),
}
"""Columns that every row must have."""


class NotAsEnded(Exception):
    """A log that differs from the one with which its run ended."""


@dataclass(frozen=True)
class RunRead:
    """A run's record and its logs so far: METRIC_SCHEMA and EVAL_SCHEMA with OPTIONAL, without `run`, categories as strings."""

    record: dict[str, Any]
    metrics: pa.Table
    evaluation: pa.Table
    timing: pa.Table = field(default_factory=TIMING_COLUMNS.empty_table)
    """One row per rollout."""


def compact(store: Path, manifest: Mapping[str, Any], folder: Path, *, as_ended: bool = True) -> None:
    """Read every planned run of the study from the store, those of its tuning included, and write its compact logs to `folder`.

    Runs without a marker, with a failure other than divergence or with a log broken before its last line are recorded
    by state alone: their logs are not results. Unless `as_ended` is False, the same applies to finished runs whose logs
    changed after the run ended. Raises NothingToReport if no run is finished.
    """
    study = from_manifest(manifest)
    read = read_runs(store, study, COUNTED, as_ended=as_ended)
    runs = [run.record for run in read]
    if not any(record["status"] in COUNTED for record in runs):
        raise NothingToReport(_nothing(study, store, runs))
    sets = write_read(folder, manifest, read, _samples(study, store, runs))
    write_contamination(store, {run["base"] for run in runs}, sets, folder)


def write_read(
    folder: Path, manifest: Mapping[str, Any], read: Sequence[RunRead], samples: Sequence[Sample] = ()
) -> list[str]:
    """Write the compact logs of runs that were read, of which at least one counts, and return the names of their sets."""
    counted = [i for i, run in enumerate(read) if run.record["status"] in COUNTED]
    metrics = filled(stacked([(i, read[i].metrics) for i in counted], METRIC_SCHEMA), OPTIONAL_METRICS)
    evaluation = stacked([(i, read[i].evaluation) for i in counted], pa.schema([*EVAL_SCHEMA, *OPTIONAL]))
    evaluation = filled(evaluation, [column.name for column in OPTIONAL])
    timing = stacked([(i, read[i].timing) for i in counted], TIMING_SCHEMA)
    write_logs(folder, manifest, [run.record for run in read], metrics, evaluation, samples, timing)
    return [str(name) for name in evaluation["set"].unique().to_pylist()]


def _nothing(study: Study, store: Path, runs: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence with the states of the planned runs, and the command to run."""
    states = Counter(
        f"failed ({run['reason']})" if run["status"] == FAILED else str(run["status"]) for run in runs
    )
    counts = ", ".join(f"{count} {state}" for state, count in states.most_common())
    failed = any(run["status"] == FAILED for run in runs)
    command = sweep_command(study.name, study.preset, *(["RETRY=1"] if failed else []))
    return (
        f"study '{study.name}' (preset {study.preset}) has no finished run of {len(runs)} planned in {store}: {counts}; "
        f"run {command} {'to retry failed runs' if failed else 'first'}"
    )


def read_runs(store: Path, study: Study, states: Collection[str], *, as_ended: bool = True) -> list[RunRead]:
    """Read every planned run in the manifest's order, with the logs of runs in one of `states`; other runs have empty tables.

    A log with a bad line before its last one leaves both tables empty, and a run that would count becomes BROKEN.
    """
    planned = [(arm, seed) for arm in study.planned for seed in arm.seeds]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda one: _read_run(store, one[0], one[1], states, as_ended), planned))


def _read_run(store: Path, arm: Arm, seed: int, states: Collection[str], as_ended: bool) -> RunRead:
    path, level = arm.folder(store, seed), arm.level(seed)
    record = {"arm": arm.name, "seed": seed, "cell": arm.cell, **_record(path)}
    if level:
        record["level"] = level
    nothing = RunRead(record, METRIC_COLUMNS.empty_table(), EVAL_COLUMNS.empty_table())
    if record["status"] not in states:
        return nothing
    try:
        ended = ended_logs(path) if record["status"] in COUNTED and as_ended else Ended()
        metrics, evaluation = (_log(store, path, name, ended) for name in RESULTS)
    except Damaged as error:
        if record["status"] in COUNTED:
            record |= error.state()
        return nothing
    except NotAsEnded as error:
        record |= {"status": BROKEN, "reason": f"{error}: run that seed again", "message": ""}
        return nothing
    return RunRead(record, metrics, evaluation, _timing(store, path, ended, record))


def _timing(store: Path, path: Path, ended: Ended, record: dict[str, Any]) -> pa.Table:
    """Read the seconds by rollout. A damaged log of them is noted in the run's record; its results stay valid."""
    try:
        return once_a_rollout(_log(store, path, runlog.TIMING, ended))
    except (Damaged, NotAsEnded) as error:
        said = f"{error.file}, {error}" if isinstance(error, Damaged) else str(error)
        record["timing"] = f"its seconds by rollout are left out: {said}"
        return TIMING_COLUMNS.empty_table()


def _log(store: Path, folder: Path, name: str, ended: Ended) -> pa.Table:
    """Read a log's table. Raises Damaged for a bad line before its last one, NotAsEnded if the log changed after the run ended."""
    try:
        log = read_log(store, folder / name, LOGS[name])
        check_filled(log.table, NEEDED[name])
    except BadLine as error:
        raise damaged_log(name, error) from error
    flaw = ended.flaw(name, log)
    if flaw is not None:
        raise NotAsEnded(flaw)
    if name != runlog.EVAL or log.table[STATED.name].null_count == len(log.table):
        return log.table
    return whole_answers(log.table, whole_lines((folder / name).read_bytes()))


def whole_answers(table: pa.Table, lines: bytes) -> pa.Table:
    """Return the rows of an eval.jsonl, with all answers null if a final sampled row does not state one: an answer that is not stated
    is unknown, while a stated null is an abstention."""
    voting = pc.and_(table["final"], pc.equal(table["mode"], "sampled"))
    said = stated(lines, STATED.name)[: len(table)]  # a running run keeps writing
    if pc.all(pc.or_(pc.invert(voting), said)).as_py() is not False:
        return table
    silent = pa.nulls(len(table), table.schema.field(STATED.name).type)
    return table.set_column(table.schema.get_field_index(STATED.name), STATED.name, silent)


def stacked(tables: list[tuple[int, pa.Table]], schema: pa.Schema) -> pa.Table:
    """Concatenate the tables of all runs; `run` is the run of a row."""
    indices = np.repeat([i for i, _ in tables], [len(table) for _, table in tables])
    logged = pa.concat_tables([table for _, table in tables])
    table = logged.add_column(0, "run", pa.array(indices, schema.field("run").type))
    return table.combine_chunks().cast(schema)


def _samples(study: Study, store: Path, runs: list[dict[str, Any]]) -> list[Sample]:
    """Return the samples to show. Unreadable ones are noted in their run's record; its results stay valid."""
    shown = {arm.name for arm in study.with_role(*SHOWN_ROLES)}
    folders = {
        i: cell_folder(store, run["cell"], run["seed"], run.get("level", ""))
        for i, run in enumerate(runs)
        if run["arm"] in shown and run["status"] in COUNTED
    }
    samples, broken = choose_samples(runs, folders)
    for i, message in broken.items():
        runs[i]["samples"] = message
    return samples


def _record(path: Path) -> dict[str, Any]:
    """Return a run's state, provenance and the settings that gates, figures and claims use; a damaged file makes the run BROKEN."""
    try:
        now = standing(path)
        environment, config = environment_of(path), settings(configuration(path))
        carried = marker(path, PLANNED)
        seconds, first = _ended_with(now.done or {})
    except Damaged as error:
        return {**error.state(), **_ended(None, None), **code_of({}), **settings({})}
    planned = {} if carried is None else {"planned": carried}
    return {**now.state(), **_ended(seconds, first), **code_of(environment), **config, **planned}


def _ended_with(done: Mapping[str, Any]) -> tuple[float | int | None, Any]:
    first = single(done.get("rollout0_sha256"), "rollout0_sha256", runlog.DONE)
    return number(done, "seconds", runlog.DONE), first


def _ended(seconds: float | int | None, first: Any) -> dict[str, Any]:
    return {"seconds": seconds, "rollout0_sha256": first}


def environment_of(path: Path) -> dict[str, Any]:
    """Read the part of env.json that a record holds."""
    found = marker(path, runlog.ENVIRONMENT) or {}
    versions = found.get("versions") or {}
    if not isinstance(versions, Mapping):
        raise Damaged(runlog.ENVIRONMENT, "versions must map names to versions")
    kept = {key: single(found.get(key), key, runlog.ENVIRONMENT) for key in CODE}
    return {**kept, "versions": {name: single(of, name, runlog.ENVIRONMENT) for name, of in versions.items()}}


def code_of(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an environment that a record holds."""
    diff = environment.get("git_diff_sha256")
    return {
        "revision": environment.get("git_revision"),
        **({"dirty_sha256": diff} if diff is not None else {}),
        "code_sha256": environment.get("code_sha256"),
        **{key: environment[key] for key in ("code_key", "epoch") if environment.get(key) is not None},
        "base": environment.get("base"),
        "versions": environment.get("versions") or {},
    }
