"""Imported logs to the compact logs of a study, which `report` makes its tables from as from any other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis.importers.logged import BROKE_OFF, ENDED, Logged
from analysis.importers.names import INDEX, translate
from analysis.importers.read import read
from analysis.importers.spec import ArmSpec, ImportSpec, check_name
from analysis.load import COUNTED, DONE, FAILED, RUNNING
from analysis.logs import EVAL_SCHEMA, METRIC_KEYS, write_logs
from analysis.study import IMPORTED, LOGGED, from_manifest, report_folder
from sspo.errors import UserError, unknown

NOT_LOGGED = """seconds rollout0_sha256 revision code_sha256 base rule ratio term adapt alpha clip_low clip_high advantage
aggregation"""
"""What a record of our own runs holds and foreign logs do not."""


@dataclass(frozen=True)
class Run:
    """A run with its arm and seed, and its rows under the keys they are kept under."""

    arm: str
    seed: int
    logged: Logged
    keys: Mapping[str, str]
    rows: Mapping[int, Mapping[str, float]]

    @property
    def last(self) -> int:
        """The last step at which anything was logged."""
        return max(self.rows)


def import_study(name: str, spec: ImportSpec, out: Path) -> Path:
    """Read every source and write the compact logs of study `name`; returns their folder.

    Raises UserError where a source cannot be read, an arm or a seed is not known, or the primary metric is not there.
    """
    runs = sorted(_runs(spec), key=lambda run: (_position(spec, run.arm), run.arm, run.seed))
    primary = [_resolve(runs, metric) for metric in spec.primary]
    step = spec.final_step if spec.final_step is not None else _last_step(runs, primary)
    manifest = _manifest(check_name("study", name), spec, runs, primary, step)
    from_manifest(manifest)
    records = [_record(run, step) for run in runs]
    counted = [i for i, record in enumerate(records) if record["status"] in COUNTED]
    if not counted:
        raise UserError(f"no run reaches step {step}: set --final-step to one that all finished runs logged")
    metrics = _metrics({i: runs[i] for i in counted})
    scores = _scores({i: runs[i] for i in counted}, primary, step, spec.scale)
    folder = report_folder(out, name, IMPORTED) / "logs"
    write_logs(folder, manifest, records, metrics, scores)
    return folder


def _runs(spec: ImportSpec) -> list[Run]:
    found: dict[tuple[str, int], Run] = {}
    for source in spec.runs:
        for logged in read(Path(source.path)):
            config = {**logged.config, **spec.known}
            arm = source.arm if source.arm is not None else config.get(spec.arm_from or "arm")
            seed = source.seed if source.seed is not None else config.get(spec.seed_from or "seed")
            run = _run(logged, arm, seed, config)
            if other := found.get((run.arm, run.seed)):
                raise UserError(
                    f"{run.arm} seed {run.seed} is there twice, in {_place(other.logged)} and in {_place(logged)}: "
                    "give one of them, or name the arms apart"
                )
            found[run.arm, run.seed] = run
    return list(found.values())


def _run(logged: Logged, arm: Any, seed: Any, config: Mapping[str, Any]) -> Run:
    if isinstance(seed, float) and seed.is_integer():
        seed = int(seed)
    if arm is None or not isinstance(seed, int) or isinstance(seed, bool):
        missing = "arm" if arm is None else "seed"
        raise UserError(
            f"the {missing} of {_place(logged)} is not known: give it as ARM:SEED=PATH, in the mapping file, or name the "
            f"logged option that holds it with --{missing}-from"
        )
    names = list(dict.fromkeys(name for row in logged.rows.values() for name in row))
    keys = translate(names, logged.source, config)
    rows = {step: {keys[n]: v for n, v in row.items()} for step, row in sorted(logged.rows.items())}
    return Run(check_name("arm", str(arm)), seed, logged, keys, rows)


def _place(logged: Logged) -> str:
    path = logged.files[0]
    return f"{path.parent.name}/{path.name}" + (f" ({logged.label})" if logged.label else "")


def _position(spec: ImportSpec, arm: str) -> int:
    names = [listed.name for listed in spec.arms]
    return names.index(arm) if arm in names else len(names)


def _resolve(runs: Sequence[Run], metric: str) -> str:
    """The key of a metric that is named as it stands in the logs or in the tables."""
    keys = {key for run in runs for key in run.keys.values()}
    named = {run.keys[metric] for run in runs if metric in run.keys} | ({metric} & keys)
    if len(named) != 1:
        names = {name for run in runs for name in run.keys}
        if not named:
            raise unknown("metric", metric, names | keys)
        raise UserError(
            f"'{metric}' is several metrics in these logs: choose one of {', '.join(sorted(named))}"
        )
    return named.pop()


def _last_step(runs: Sequence[Run], primary: Sequence[str]) -> int:
    return max(step for run in runs for step, row in run.rows.items() if any(key in row for key in primary))


def _manifest(
    name: str, spec: ImportSpec, runs: Sequence[Run], primary: Sequence[str], step: int
) -> dict[str, Any]:
    arms = list(dict.fromkeys(run.arm for run in runs))
    listed = {arm.name: arm for arm in spec.arms}
    for given in (*listed, *([spec.baseline] if spec.baseline else ())):
        if given not in arms:
            raise unknown("arm", given, arms)
    sources = [_source(file) for file in sorted({f for run in runs for f in run.logged.files})]
    return {
        "study": name,
        "preset": IMPORTED,
        "title": spec.title or name,
        "question": spec.question or "Imported logs.",
        "baseline": spec.baseline or arms[0],
        "test": spec.test,
        "primary": {
            "mode": LOGGED,
            "temperature": 0.0,
            "metrics": list(primary),
            "step": step,
            "scale": spec.scale,
        },
        "gates": {},
        "imported": {"sources": sources},
        "arms": [
            _arm(listed.get(arm, ArmSpec(name=arm)), [run.seed for run in runs if run.arm == arm])
            for arm in arms
        ],
    }


def _arm(arm: ArmSpec, seeds: list[int]) -> dict[str, Any]:
    return {
        "name": arm.name,
        "label": arm.label or arm.name,
        "role": arm.role,
        "cell": "imported",
        "seeds": seeds,
        "overrides": [],
        "copy_of": None,
        "against": arm.against,
        "target_clip_frac": None,
    }


def _source(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": f"{path.parent.name}/{path.name}", "sha256": digest, "bytes": path.stat().st_size}


def _record(run: Run, step: int) -> dict[str, Any]:
    """State and origin. A log that says nothing of its end counts as done where it reaches the final step."""
    origin = f"{run.logged.source}, {_place(run.logged)}"
    status, reason = DONE, origin
    if run.logged.end == BROKE_OFF:
        status, reason = FAILED, "its log says that it broke off"
    elif run.last < step:
        status, reason = RUNNING, f"its log ends at step {run.last} of {step}"
    elif run.logged.end != ENDED:
        reason = f"{origin}; no end marker, but it reaches step {step}"
    if run.logged.note:
        reason = f"{reason} ({run.logged.note})"
    message = reason if status == DONE else origin
    record = {"arm": run.arm, "seed": run.seed, "cell": "imported", "status": status, "reason": reason}
    return {**dict.fromkeys(NOT_LOGGED.split()), **record, "message": message, "versions": {}}


def _metrics(runs: Mapping[int, Run]) -> pa.Table:
    """The table of docs/logs.md: our keys as 32-bit floats, foreign ones as 64-bit; `rollout` from a step where not logged."""
    logged = {key for run in runs.values() for row in run.rows.values() for key in row} - set(INDEX)
    extra = sorted(logged - set(METRIC_KEYS))
    lines = []
    for i, run in runs.items():
        for step, row in run.rows.items():
            index = {"run": i, "step": step, "rollout": int(row.get("rollout", step - 1))}
            lines.append({**row, **index, "update": int(row.get("update", 0))})
    kinds = [("run", pa.int16()), ("step", pa.int32()), ("rollout", pa.int32()), ("update", pa.int16())]
    kinds += [(key, pa.float32()) for key in METRIC_KEYS] + [(key, pa.float64()) for key in extra]
    frame = pd.DataFrame(lines, columns=[name for name, _ in kinds])
    return pa.Table.from_pandas(frame, schema=pa.schema(kinds), preserve_index=False).replace_schema_metadata(
        None
    )


def _scores(runs: Mapping[int, Run], primary: Sequence[str], step: int, scale: float) -> pa.Table:
    """Primary metrics as evaluations of one answer: each logged one, and that at the final step as the final one."""
    lines = []
    for i, run in runs.items():
        for at, row in run.rows.items():
            for key in primary:
                if key in row:
                    value = _share(scale * row[key], key)
                    line = {
                        "run": i,
                        "rollout": at - 1,
                        "set": key,
                        "question": key,
                        "value": value,
                        "sample": 0,
                    }
                    line |= {"mode": LOGGED, "temperature": 0.0, "status": "ok", "tokens": 0}
                    lines += [
                        {**line, "final": final} for final in ((False, True) if at == step else (False,))
                    ]
    if not any(line["final"] for line in lines):
        raise UserError(
            f"no run logged {', '.join(primary)} at step {step}: set --final-step to a step at which it was logged"
        )
    schema = pa.schema([(f.name, pa.int32() if f.name == "rollout" else f.type) for f in EVAL_SCHEMA])
    frame = pd.DataFrame(lines, columns=schema.names)
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)


def _share(value: float, key: str) -> float:
    if not 0 <= value <= 1:
        raise UserError(
            f"primary metric {key} has a value of {value:g}, and a report scores shares in [0, 1]: give --scale (0.01 "
            "for percent), or another metric"
        )
    return value
