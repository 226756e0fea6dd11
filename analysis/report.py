"""A study's report: compact logs, tables, figures and pages, in that order and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.base_table import base_table
from analysis.choice import choose
from analysis.dynamics_table import dynamics_table
from analysis.figures import Drawn, draw_figures
from analysis.freshness import fingerprint, stamp_report
from analysis.gates import Gate, check_gates
from analysis.load import compact
from analysis.logs import read_logs
from analysis.page import page_html, page_markdown
from analysis.results import GREEDY, Evidence
from analysis.results_table import results_table
from analysis.stability_table import stability_table
from analysis.study import manifest_path, read_json, report_folder
from analysis.tables import Table, to_csv, to_latex, to_markdown
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

    Runs of the store and the compact logs of an earlier report give the same bytes; analysis.choice says which are
    read. Raises UserError where there is neither, or no run is finished.
    """
    source = choose(name, preset, store, out)
    folder = report_folder(out, name, source.preset)
    inputs = None
    if source.from_store:
        # before the logs are read: a run that ends meanwhile makes the report stale
        inputs = fingerprint(name, source.preset, store)
        compact(store, read_json(manifest_path(store, name, source.preset)), folder / "logs")
    report = _make(Evidence(read_logs(folder / "logs")), folder)
    write_atomic(folder / "index.html", page_html(report, folder))
    write_atomic(folder / "index.md", page_markdown(report))
    stamp_report(folder, inputs)
    return folder, source.preset


def _make(evidence: Evidence, folder: Path) -> Report:
    study = evidence.study
    candidates = {
        "results": results_table(evidence, "results", study.mode, study.temperature),
        "results_greedy": results_table(evidence, "results_greedy", *GREEDY),
        "base": base_table(evidence),
        "dynamics": dynamics_table(evidence),
        "stability": stability_table(evidence),
    }
    for name, table in candidates.items():
        for suffix, render in (("md", to_markdown), ("tex", to_latex), ("csv", to_csv)):
            path = folder / f"{name}.{suffix}"
            if table is None:  # an earlier report may have had it
                path.unlink(missing_ok=True)
            else:
                write_atomic(path, render(table))
    tables = [table for table in candidates.values() if table is not None]
    return Report(evidence, check_gates(evidence), tables, draw_figures(evidence, folder))
