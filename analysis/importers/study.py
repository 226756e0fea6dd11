"""Imported logs to the compact logs of a study, from which `report` makes tables as from any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.evidence.evidence import AVERAGE
from analysis.importers.by_question import import_outcomes
from analysis.importers.limits import clean, shown
from analysis.importers.logged import BROKE_OFF, ENDED, STILL_RUNS
from analysis.importers.outcomes.read import holds_outcomes
from analysis.importers.plan import in_order, record_of, study_manifest
from analysis.importers.scores import Primary, metric_table, score_table
from analysis.importers.spec import ImportSpec, check_logs, check_name, load_spec
from analysis.importers.whose import ImportedRun, find_runs, place
from analysis.logs.compact import write_logs
from analysis.logs.manifest import ENDED_EARLY, IMPORTED, from_manifest, report_folder
from analysis.logs.run_files import DONE, FAILED, RUNNING
from analysis.logs.run_folders import COUNTED
from sspo.errors import UserError, unknown

SHORT = "its log ends at step"


def import_logs(name: str, sources: Sequence[str], out: Path, **options: Any) -> Path:
    """Write the compact logs of study `name` below `out` from logs at paths (`ARM:SEED=PATH`, `PATH#RUN`), and return their folder.
    Raises only UserError, whatever the paths hold. `options` are fields of ImportSpec; `primary` is required."""
    return import_study(name, load_spec(None, sources, options), out)


def import_study(name: str, spec: ImportSpec, out: Path) -> Path:
    """Read every source, write the compact logs of study `name`, and return their folder.

    Raises UserError if a source cannot be read, if an arm or a seed is not known, or if the primary metric is missing.
    """
    check_name("study", name)
    sources = spec.runs if spec.importer is None else ()
    of_outcomes = [source.path for source in sources if holds_outcomes(Path(source.path))]
    if of_outcomes:
        return import_outcomes(name, spec, of_outcomes, out)
    check_logs(spec)
    runs = in_order(spec, find_runs(spec))
    primary = _primary(spec, runs)
    step = spec.final_step if spec.final_step is not None else _last_step(runs, primary)
    finals = {i: run.final_step(step, fixed=spec.final_step is not None) for i, run in enumerate(runs)}
    whose = [(run.arm, run.seed) for run in runs]
    manifest = study_manifest(name, spec, whose, {file for run in runs for file in run.logged.files})
    manifest["primary"] |= {
        "metrics": [metric.key for metric in primary],
        "labels": [metric.label for metric in primary],
        "step": step,
        "scale": spec.scale,
        "unit": None if spec.scale is not None else spec.unit,
    }
    from_manifest(manifest)
    records = [_record(run, finals[i], spec.base) for i, run in enumerate(runs)]
    counted = {i: runs[i] for i, record in enumerate(records) if record["status"] in COUNTED}
    if not counted:
        raise UserError(_none_counts(step, records))
    ends = {finals[i] for i in counted}
    manifest["primary"]["step"] = ends.pop() if len(ends) == 1 else None
    metrics = metric_table(counted)
    scores = score_table(counted, primary, finals, spec.scale)
    folder = report_folder(out, name, IMPORTED) / "logs"
    write_logs(folder, manifest, records, metrics, scores)
    return folder


def _none_counts(step: int, records: Sequence[Mapping[str, Any]]) -> str:
    ended = [record for record in records if record["reason"].startswith(SHORT)]
    first = (ended or records)[0]
    words = f"{first['arm']} seed {first['seed']}: {first['reason']}"
    if ended:
        return f"no run reaches step {step} ({words}): set --final-step to one that all finished runs logged"
    return f"no run counts ({words}): import runs that finished"


def _primary(spec: ImportSpec, runs: Sequence[ImportedRun]) -> list[Primary]:
    """Return the metrics that score, in the order of the import. Raises UserError if two would share a column."""
    found = [Primary(_resolve(runs, metric), spec.labels.get(metric, metric)) for metric in spec.primary]
    for what in ([metric.key for metric in found], [metric.label for metric in found]):
        if len(set(what)) < len(what) or AVERAGE in what:
            raise UserError(
                f"primary metrics must differ in name and label, and none may be called '{AVERAGE}', got "
                f"{', '.join(map(shown, what))}: pass --label METRIC=LABEL"
            )
    return found


def _resolve(runs: Sequence[ImportedRun], metric: str) -> str:
    """Return the key of a metric that is named as in the logs or in the tables."""
    keys = {key for run in runs for key in run.keys.values()}
    named = {run.keys[metric] for run in runs if metric in run.keys} | ({metric} & keys)
    if len(named) == 1:
        return named.pop()
    if named:
        raise UserError(
            f"'{metric}' stands for several metrics in these logs: choose one of {', '.join(sorted(named))}"
        )
    for run in runs:
        if metric in run.logged.unread:
            raise UserError(
                f"{shown(metric)} of {place(run.logged)} is not a number: {run.logged.unread[metric]}"
            )
    raise unknown("metric", metric, {clean(name) for run in runs for name in run.keys} | keys)


def _last_step(runs: Sequence[ImportedRun], primary: Sequence[Primary]) -> int:
    return max(step for run in runs for metric in primary for step in run.series(metric.key))


def _record(run: ImportedRun, step: int, base: str | None) -> dict[str, Any]:
    """Return a run's record with state and origin. A log that does not record its end counts as done if it reaches the final step."""
    logged, origin = run.logged, f"{run.logged.source}, {place(run.logged)}"
    status, reason = DONE, origin
    if logged.end == BROKE_OFF:
        status, reason = FAILED, "its log records a failure"
    elif logged.end == STILL_RUNS:
        status, reason = RUNNING, f"its state is {shown(logged.said)}, so none of its values is final"
    elif run.last < step:
        status = ENDED_EARLY if logged.end == ENDED else RUNNING
        reason = f"{SHORT} {run.last} of {step}"
    elif logged.end != ENDED:
        reason = f"{origin}; no end marker, but it reaches step {step}"
    if logged.note:
        reason = f"{reason} ({logged.note})"
    message = reason if status == DONE else origin
    made = {**logged.made, **({"base": base} if base is not None else {})}
    return {
        **record_of(run.arm, run.seed, base),
        **made,
        "status": status,
        "reason": reason,
        "message": message,
    }
