"""The report as one self-contained page, index.html: nothing in it loads anything, and its policy forbids that too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.content import Report
from analysis.figures.svg import chart_html, why_button
from analysis.logs.trace import FILES, OF_STORE
from analysis.pages.document import SCRIPT, document, style
from analysis.pages.html_tables import table_html
from analysis.pages.samples_html import samples_html
from analysis.pages.templates import own, render
from analysis.pages.verdicts import verdicts_html
from analysis.provenance.record import Origins, provenance, traced
from analysis.tables import captions
from analysis.text.escape import visible

DIGITS = 7
"""Significant digits of runs' values on the page; provenance.json has more."""


def page_html(report: Report, found: Origins) -> str:
    """The page. Every text from data is escaped, in markup and in the data block that the script reads."""
    study, runs = report.evidence.study, report.evidence.runs
    samples = samples_html(report.evidence)
    states = runs["status"].value_counts().sort_index().items()
    body = render(
        "report.html",
        study=study,
        preset=study.note,
        head=captions.head(report.evidence),
        verdicts=verdicts_html(report.verdicts),
        why=lambda section: own(why_button("section", section)),
        gates=report.gates,
        tables=map(table_html, report.tables),
        figures=[own(chart_html(report.charts[f.name], f.caption, f.notes)) for f in report.figures],
        samples=samples,
        runs=[run_cells(run) for run in runs.to_dict("records")],
        states=", ".join(f"{number} {state}" for state, number in states),
        facts=provenance(report.evidence, report.replay),
    )
    css = style("page", "samples") if samples else style("page")
    return document(study.title, body, css, SCRIPT, _embedded(report, found))


def _embedded(report: Report, found: Origins) -> dict[str, Any]:
    """What the script shows of provenance."""
    content = traced(report, found, DIGITS)
    content["tables"] = {table.name: content["tables"][table.name] for table in report.tables}
    for table in content["tables"].values():  # rows are called here as the page's attributes call them
        table["cells"] = [[visible(key), *cell] for key, *cell in table["cells"]]
    trained: dict[str, None] = {}
    for run in content["runs"]:
        versions = run.pop("versions", {})
        trained[", ".join(f"{name} {number}" for name, number in sorted(versions.items()))] = None
    made = ", ".join(f"{name} {number}" for name, number in content["made_with"].items())
    packages = " | ".join(text for text in trained if text) or "versions that were not recorded"
    files = dict(FILES)
    if report.evidence.logs.contamination:  # the page of a report without it stays as it was
        files |= {stream: f"../../../{file}" for stream, file in OF_STORE.items()}
    return {**content, "trained_with": packages, "made_with": made, "files": files}


def run_cells(run: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """A run's name, state, reason and cell in words."""
    why = str(run["reason"])
    if run["message"] and run["message"] != why:
        why += f": {run['message']}"
    return f"{run['arm']} seed {run['seed']}", str(run["status"]), why, str(run["cell"])
