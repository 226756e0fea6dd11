"""Results by question to the compact logs of a study: one row per question and sample, and how each run was scored.

Tables compare runs under one decoding. If all runs state the same one, it is the study's; if they differ or do not
state it, their rows are stored under `logged`, and checks/scored.py reports in captions how each run was scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.evidence.evidence import AVERAGE
from analysis.importers.decodings import comparable, primary_decoding
from analysis.importers.limits import check_cells, check_runs, clean, shown, shown_path
from analysis.importers.logged import together
from analysis.importers.outcomes.answers import merged
from analysis.importers.outcomes.outcomes import COLUMNS, Outcomes
from analysis.importers.outcomes.read import read_outcomes
from analysis.importers.plan import in_order, record_of, study_manifest
from analysis.importers.scores import metric_table
from analysis.importers.spec import ImportSpec, RunSpec, check_name
from analysis.logs.compact import EVAL_SCHEMA, STATED, write_logs
from analysis.logs.manifest import IMPORTED, from_manifest, report_folder
from sspo.errors import UserError, unknown

ROUNDED = 5e-5
"""Rounding error of tools' aggregates: evalscope keeps four digits."""


@dataclass(frozen=True)
class EvaluatedRun:
    """The evaluations of one arm under one seed, each of different sets."""

    arm: str
    seed: int
    evaluations: tuple[Outcomes, ...]
    left_out: str = ""

    @property
    def rows(self) -> pd.DataFrame:
        """Return all answers."""
        return pd.concat([one.rows for one in self.evaluations], ignore_index=True)

    @property
    def scored_by(self) -> dict[str, str]:
        """Return how it was scored, over all its sets."""
        sets = {", ".join(dict.fromkeys(one.rows["set"])): one.scored_by for one in self.evaluations}
        return merged(sets)

    @property
    def step(self) -> int | None:
        """Return the training step that was evaluated."""
        steps = {one.step for one in self.evaluations}
        return steps.pop() if len(steps) == 1 else None


def import_outcomes(name: str, spec: ImportSpec, found: Sequence[str], out: Path) -> Path:
    """Write the compact logs of study `name` from the results by question at the paths `found`, and return their folder.

    Raises UserError if logs are among the sources, if an arm or a seed is not known, or if no run has every set.
    """
    _check(spec, found)
    runs = in_order(spec, _runs(spec))
    check_runs("this import", len(runs))
    rows = _together(runs, spec)
    mode, temperature = primary_decoding(rows)
    files = {file for run in runs for one in run.evaluations for file in one.files}
    manifest = study_manifest(name, spec, [(run.arm, run.seed) for run in runs], files)
    graders = list(dict.fromkeys(run.scored_by.get("grader", "value") for run in runs))
    steps = {run.step for run in runs}
    manifest["primary"] |= {
        "mode": mode, "temperature": temperature, "metrics": graders, "labels": list(dict.fromkeys(rows["set"])),
        "step": steps.pop() if len(steps) == 1 else None, "scale": 1.0,
    }  # fmt: skip
    from_manifest(manifest)
    folder = report_folder(out, name, IMPORTED) / "logs"
    write_logs(folder, manifest, [_record(run, spec) for run in runs], metric_table({}), _table(rows))
    return folder


def _check(spec: ImportSpec, found: Sequence[str]) -> None:
    logs = [source.path for source in spec.runs if source.path not in found]
    if logs:
        raise UserError(
            f"{shown_path(found[0])} holds results by question and {shown_path(logs[0])} does not: import logs and "
            "results by question as two studies"
        )
    if spec.units or spec.names:
        extra = "units" if spec.units else "runs by name"
        raise UserError(
            f"results by question are shares in [0, 1] of runs that are given by path: leave out {extra}"
        )
    if spec.scale not in (None, 1):
        raise UserError(f"results by question are shares in [0, 1] already: leave out scale {spec.scale:g}")


def _runs(spec: ImportSpec) -> list[EvaluatedRun]:
    by_run: dict[tuple[str, int], list[Outcomes]] = {}
    files: dict[str, list[Outcomes]] = {}
    left_out: dict[tuple[str, int], list[str]] = {}
    whose: dict[tuple[str, ...], tuple[str, int]] = {}
    for source in spec.runs:
        if source.path not in files:
            files[source.path] = read_outcomes(Path(source.path), spec.primary)
        who = _whose(source)
        named = _named(source, files[source.path])
        _check_once(who, named, whose)
        kept, note = _at_step(named, spec.final_step, source.path)
        by_run.setdefault(who, []).extend(kept)
        left_out.setdefault(who, []).append(note)
    for (arm, seed), evaluations in by_run.items():
        _check_sets(arm, seed, evaluations)
    return [EvaluatedRun(*who, tuple(found), together(*left_out[who])) for who, found in by_run.items()]


def _whose(source: RunSpec) -> tuple[str, int]:
    if source.arm is None or source.seed is None:
        missing = "arm" if source.arm is None else "seed"
        raise UserError(
            f"the {missing} of {shown_path(source.path)} is not known: pass it as ARM:SEED=PATH or in the mapping file"
        )
    return check_name("arm", source.arm), source.seed


def _named(source: RunSpec, evaluations: Sequence[Outcomes]) -> Sequence[Outcomes]:
    """Return the evaluations that `PATH#NAME` selects; all if no name is given."""
    if source.run is None:
        return evaluations
    found = [one for one in evaluations if one.name == source.run]
    if not found:
        raise unknown(
            f"evaluation in {shown_path(source.path)}", source.run, [one.name for one in evaluations]
        )
    return found


def _check_once(
    who: tuple[str, int], evaluations: Sequence[Outcomes], whose: dict[tuple[str, ...], tuple[str, int]]
) -> None:
    """Raise UserError if an evaluation is given as that of two runs."""
    for one in evaluations:
        place = *(str(file.resolve()) for file in one.files), one.name, *one.rows["set"].unique()
        other = whose.setdefault(place, who)
        if other != who:
            (arm, seed), (before, its_seed) = who, other
            raise UserError(
                f"{arm} seed {seed} and {before} seed {its_seed} are the same evaluation, {_place(one)}: pass each once"
            )


def _at_step(evaluations: Sequence[Outcomes], final: int | None, path: str) -> tuple[list[Outcomes], str]:
    """Return the evaluations at the final step if they were made while training, and a note on those left out."""
    steps = sorted({one.step for one in evaluations if one.step is not None})
    if not steps:
        return list(evaluations), ""
    if final is not None and final not in steps:
        raise unknown(f"step in {shown_path(path)}", str(final), [str(step) for step in steps])
    at = final if final is not None else steps[-1]
    others = len(steps) - 1
    note = f"{others} other step{'s' if others > 1 else ''} left out" if others else ""
    return [one for one in evaluations if one.step in (None, at)], note


def _check_sets(arm: str, seed: int, evaluations: Sequence[Outcomes]) -> None:
    whose: dict[str, Outcomes] = {}
    for one in evaluations:
        for group in dict.fromkeys(one.rows["set"]):
            if other := whose.get(group):
                raise UserError(
                    f"{arm} seed {seed} has two evaluations of {shown(group)}, in {_place(other)} and in {_place(one)}: pass "
                    "one of them (PATH#NAME if one path holds both), or use different arm names"
                )
            whose[group] = one


def _place(one: Outcomes) -> str:
    path = one.files[0]
    return clean(f"{path.parent.name}/{path.name}")


def _together(runs: Sequence[EvaluatedRun], spec: ImportSpec) -> pd.DataFrame:
    """Concatenate all rows with the index of their run, sets under their labels, and the decodings that the study compares."""
    frames = [run.rows.assign(run=i, rollout=(run.step or 1) - 1) for i, run in enumerate(runs)]
    check_cells("the table of all these results", sum(map(len, frames)), len(COLUMNS))
    rows = pd.concat(frames, ignore_index=True)
    sets = list(dict.fromkeys(rows["set"]))
    for group in spec.labels:
        if group not in sets:
            raise unknown("set", group, sets)
    names = {group: spec.labels.get(group, group) for group in sets}
    rows["set"] = rows["set"].map(names)
    if AVERAGE in names.values():
        raise UserError(f"a set cannot be called '{AVERAGE}': pass --label {AVERAGE}=ANOTHER")
    answer = ["run", "set", "question", "mode", "temperature", "sample"]
    if rows.duplicated(answer).any():
        raise UserError(
            f"two sets are called {shown(rows[rows.duplicated(answer)]['set'].iloc[0])}: give them different labels"
        )
    _check_common(rows, runs)
    return comparable(rows, [f"{run.arm} seed {run.seed}" for run in runs])


def _check_common(rows: pd.DataFrame, runs: Sequence[EvaluatedRun]) -> None:
    """Raise UserError if no run has every set: then none could be scored."""
    by_run = {int(run): list(dict.fromkeys(of_run["set"])) for run, of_run in rows.groupby("run", sort=True)}
    most = len(set(rows["set"]))
    if all(len(sets) < most for sets in by_run.values()):
        said = "; ".join(
            f"{runs[i].arm} seed {runs[i].seed}: {', '.join(s)}" for i, s in list(by_run.items())[:3]
        )
        raise UserError(
            f"no run has every set ({said}): if two are the same set, give them one name with --label SET=NAME"
        )


def _table(rows: pd.DataFrame) -> pa.Table:
    """Return the rows in EVAL_SCHEMA, values in 64 bits; `tokens` is null if unknown, and STATED exists if answers are known."""
    wide = {"rollout": pa.int32(), "value": pa.float64()}
    schema = pa.schema([(f.name, wide.get(f.name, f.type)) for f in EVAL_SCHEMA])
    if rows[STATED.name].notna().any():
        schema = schema.append(STATED)
    tokens = (
        rows["tokens"].astype("Int64")
        if rows["tokens"].notna().any()
        else pd.array([None] * len(rows), "Int64")
    )
    frame = rows.assign(final=True, tokens=tokens)[schema.names]
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)


def _record(run: EvaluatedRun, spec: ImportSpec) -> dict[str, Any]:
    origin = "; ".join(f"{one.source}, {_place(one)}" for one in run.evaluations)
    notes = [note for one in run.evaluations for note in (one.note, _apart(one))]
    note = together(*notes, run.left_out)
    reason = f"{origin} ({note})" if note else origin
    record = record_of(run.arm, run.seed, spec.base) | {"reason": reason, "message": reason}
    said = {group: digest for one in run.evaluations for group, digest in one.questions.items()}
    asked = {spec.labels.get(group, group): digest for group, digest in said.items()}
    return record | {"scored_by": run.scored_by} | ({"questions": asked} if asked else {})


def _apart(one: Outcomes) -> str:
    """Return a note for each of the tool's own aggregates of this metric that differs from the mean of its rows."""
    said: list[str] = []
    means: Mapping[Any, float] = one.rows.groupby("set")["value"].mean().to_dict()
    for group, mean in means.items():
        reported = one.aggregates.get((str(group), one.metrics.get(str(group), "")))
        if reported is not None and abs(reported - mean) > ROUNDED:
            said.append(
                f"its rows of {group} have a mean of {mean:.4g}, its results file reports {reported:.4g}"
            )
    return together(*said)
