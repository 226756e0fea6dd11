"""A study's report: compact logs, tables, figures and pages, in that order and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.base_table import base_table
from analysis.dynamics_table import dynamics_table
from analysis.figures import Drawn, draw_figures
from analysis.gates import Gate, check_gates
from analysis.load import compact
from analysis.logs import MANIFEST, read_logs
from analysis.page import page_html, page_markdown
from analysis.results import GREEDY, Evidence
from analysis.results_table import results_table
from analysis.stability_table import stability_table
from analysis.study import PRESETS, manifest_path, read_json, report_folder
from analysis.tables import Table, to_csv, to_latex, to_markdown
from sspo.errors import UserError, unknown
from sspo.runlog import write_atomic


@dataclass(frozen=True)
class Report:
    """What a report says; pages are renderings of it."""

    evidence: Evidence
    gates: list[Gate]
    tables: list[Table]
    figures: list[Drawn]


def write_report(name: str, preset: str | None, store: Path, out: Path) -> tuple[Path, str]:
    """Write the report folder of a study and return it with the preset that was used.

    Run folders are read where the store has the study's manifest, else the compact logs of an earlier report; both
    give the same bytes. Raises UserError where there is neither, or no run is finished.
    """
    chosen = preset or _strongest(name, store, out)
    folder = report_folder(out, name, chosen)
    manifest = manifest_path(store, name, chosen)
    if manifest.is_file():
        compact(store, read_json(manifest), folder / "logs")
    elif not (folder / "logs" / MANIFEST).is_file():
        raise UserError(
            f"study '{name}' has no {chosen} manifest in {store} and no compact logs in {folder / 'logs'}: "
            f"run `make sweep NAME={name}` or choose another preset of {', '.join(PRESETS)}"
        )
    report = _make(Evidence(read_logs(folder / "logs")), folder)
    write_atomic(folder / "index.html", page_html(report, folder))
    write_atomic(folder / "index.md", page_markdown(report))
    return folder, chosen


def _strongest(name: str, store: Path, out: Path) -> str:
    for preset in PRESETS:
        logs = report_folder(out, name, preset) / "logs" / MANIFEST
        if manifest_path(store, name, preset).is_file() or logs.is_file():
            return preset
    planned = {path.name.split(".")[0] for path in (store / "studies").glob("*.json")}
    reported = {path.parent.parent.name.split(".")[0] for path in out.glob(f"*/logs/{MANIFEST}")}
    if not planned | reported:
        raise UserError(f"study '{name}' has no manifest in {store}: run `make sweep NAME={name}` first")
    raise unknown("study", name, planned | reported)


def _make(evidence: Evidence, folder: Path) -> Report:
    study = evidence.study
    candidates = [
        results_table(evidence, "results", study.mode, study.temperature),
        results_table(evidence, "results_greedy", *GREEDY),
        base_table(evidence),
        dynamics_table(evidence),
        stability_table(evidence),
    ]
    tables = [table for table in candidates if table is not None]
    for table in tables:
        for suffix, render in (("md", to_markdown), ("tex", to_latex), ("csv", to_csv)):
            write_atomic(folder / f"{table.name}.{suffix}", render(table))
    return Report(evidence, check_gates(evidence), tables, draw_figures(evidence, folder))
