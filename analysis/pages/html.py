"""The report as one self-contained page, index.html: nothing in it loads anything, and its policy forbids
loading.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

from analysis.checks.gates import PASS
from analysis.content import FOREST, Report
from analysis.figures.svg import chart_html, why_button
from analysis.logs.trace import FILES, OF_STORE
from analysis.pages.document import SCRIPT, document, style
from analysis.pages.html_tables import explained, glossary_html, table_html, texts_of, title
from analysis.pages.runs import ARM_HEADS, NOTED_HEADS, arm_lines, noted_lines, summary
from analysis.pages.samples_html import samples_html
from analysis.pages.templates import own, render
from analysis.pages.verdicts import verdicts_html
from analysis.provenance.record import Origins, provenance, traced
from analysis.text.escape import visible

DIGITS = 7
"""Significant digits of runs' values on the page; provenance.json has more."""


def page_html(report: Report, found: Origins) -> str:
    """Return the page. Every text from data is escaped, both in markup and in the data block that the script
    reads.
    """
    study, evidence = report.evidence.study, report.evidence
    samples = samples_html(evidence)
    body = render(
        "report.html",
        title=study.title,
        first=report.first,
        explained=explained,
        sections=_sections(report, samples),
        verdicts=verdicts_html(report.verdicts),
        why=lambda section: own(why_button("section", section)),
        gates={
            "apart": [gate for gate in report.gates if gate.verdict != PASS],
            "passed": [gate for gate in report.gates if gate.verdict == PASS],
        },
        forest=own("".join(_figures(report, first=True))),
        results=None if report.results is None else table_html(report.results),
        tables=[table_html(table) for table in report.other_tables],
        figures=[*_figures(report, first=False)],
        samples=samples,
        noted=noted_lines(evidence),
        noted_heads=NOTED_HEADS,
        arms=arm_lines(evidence),
        arm_heads=ARM_HEADS,
        runs_summary=summary(evidence),
        words=glossary_html(_texts(report)),
        provenance=provenance(evidence, report.replay),
    )
    css = style("page", "samples") if samples else style("page")
    return document(study.title, body, css, SCRIPT, _embedded(report, found))


def _figures(report: Report, *, first: bool) -> Iterator[Markup]:
    """Yield the figure with the answer, or all the others."""
    for figure in report.figures:
        if (figure.name == FOREST) is first:
            yield own(chart_html(report.charts[figure.name], figure.caption, figure.notes))


def _sections(report: Report, samples: Markup) -> list[tuple[str, str]]:
    """Return the targets of the page's own links, in page order: each table by name, then the sections."""
    tables = [(table.name, title(table)) for table in report.other_tables]
    found = [("verdicts", "Claims")] if report.verdicts else []
    found += [("gates", "Gates"), *tables, ("figures", "Figures")]
    found += [("samples", "Samples")] if samples else []
    return [*found, ("runs", "Runs"), ("provenance", "Provenance")]


def _texts(report: Report) -> Iterator[str]:
    """Yield all text on the page that its glossary may explain."""
    first = report.first
    yield from (first.standing, first.question, first.answer, *first.head, *first.facts)
    yield from (*first.warnings, *first.common)
    for table in report.tables:
        yield from texts_of(table)
    for figure in report.figures:
        yield from (figure.caption, *figure.notes)
    for file in report.verdicts:
        yield file.rule
        yield from (claim.says for claim in file.claims.claims.values())
    yield from (f"{gate.name} {gate.evidence}" for gate in report.gates)


def _embedded(report: Report, found: Origins) -> dict[str, Any]:
    """Return the provenance data for the script."""
    content = traced(report, found, DIGITS)
    content["tables"] = {table.name: content["tables"][table.name] for table in report.tables}
    for table in content["tables"].values():  # row names must match the page's attributes
        table["cells"] = [[visible(key), *cell] for key, *cell in table["cells"]]
    trained: dict[str, None] = {}
    for run in content["runs"]:
        versions = run.pop("versions", {})
        trained[", ".join(f"{name} {number}" for name, number in sorted(versions.items()))] = None
    made = ", ".join(f"{name} {number}" for name, number in content["made_with"].items())
    packages = " | ".join(text for text in trained if text) or "versions that were not recorded"
    files = dict(FILES)
    if report.evidence.logs.contamination:  # a page without contamination keeps its bytes
        files |= {stream: f"../../../{file}" for stream, file in OF_STORE.items()}
    return {**content, "trained_with": packages, "made_with": made, "files": files}
