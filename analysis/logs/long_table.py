"""Every logged number of a study as one long table: docs/logs.md has its schema."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.logs.compact import read_logs
from analysis.logs.manifest import from_manifest, report_folder
from analysis.logs.run_folders import read_runs
from analysis.logs.source import choose
from sspo.errors import UserError
from sspo.metrics import GLOSSARY

ALL_STATES = ("done", "diverged", "failed", "running")
INDEX = ["study", "preset", "arm", "seed", "status", "run", "step", "rollout", "update"]
COLUMNS = [*INDEX, "key", "value", "unit", "meaning"]


def tidy(name: str, preset: str, store: Path, out: Path) -> pd.DataFrame:
    """Return one row per run, step and key with a value, runs in the manifest's order. Rows come from the store if it has the study,
    including what running and failed runs logged; otherwise from compact logs, which hold only counted runs."""
    manifest = choose(name, preset, store, out).manifest
    if manifest is not None:
        study = from_manifest(manifest)
        read = read_runs(store, study, ALL_STATES)
        records = pd.DataFrame([run.record for run in read])
        wide = pd.concat([run.metrics.to_pandas().assign(run=i) for i, run in enumerate(read)])
    else:
        logs = read_logs(report_folder(out, name, preset) / "logs")
        records, wide = pd.DataFrame(list(logs.runs)), logs.metrics
    steps = ["run", "step", "rollout", "update"]
    long = wide.melt(steps, var_name="key").dropna(subset=["value"])
    long = long.sort_values(["run", "step", "key"], kind="stable").reset_index(drop=True)
    whose = records.loc[long["run"], ["arm", "seed", "status"]].reset_index(drop=True)
    entries = long["key"].map(GLOSSARY.get)
    return pd.concat([long, whose], axis=1).assign(
        study=name,
        preset=preset,
        unit=[e.unit if e else "" for e in entries],
        meaning=[e.meaning if e else "" for e in entries],
    )[COLUMNS]


def write_tidy(name: str, preset: str, store: Path, out: Path, path: Path) -> int:
    """Write the table as CSV or Parquet, by the file's suffix, and return its number of rows. Raises UserError for any other
    suffix, and if the file cannot be written."""
    if path.suffix not in (".csv", ".parquet"):
        raise UserError(f"a table is written as .csv or .parquet, got {path.name}")
    table = tidy(name, preset, store, out)
    try:
        if path.suffix == ".csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}; choose another file with --to"
        ) from error
    return len(table)
