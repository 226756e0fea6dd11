"""The report as a page for GitHub, index.md."""

from __future__ import annotations

import pandas as pd

from analysis.content import Report
from analysis.pages.html import run_cells
from analysis.pages.html_tables import title
from analysis.pages.samples_text import samples_markdown
from analysis.pages.verdicts import verdicts_markdown
from analysis.provenance.record import provenance
from analysis.tables import captions
from analysis.text.escape import markdown
from analysis.text.table import to_markdown


def page_markdown(report: Report) -> str:
    """The same content for GitHub, with figures as links to their PNG files."""
    study = report.evidence.study
    parts = [
        f"# {markdown(study.title)}",
        f"**{markdown(study.note)}**",
        markdown(study.question),
        *(f"**{markdown(line)}**" for line in captions.head(report.evidence)),
        *verdicts_markdown(report.verdicts),
        "## Gates",
        "\n".join(
            ["| gate | verdict | evidence |", "|:--|:--|:--|"]
            + [f"| {markdown(g.name)} | **{g.verdict}** | {markdown(g.evidence)} |" for g in report.gates]
        ),
        "## Tables",
        *[f"### {markdown(title(table))}\n\n{to_markdown(table)}" for table in report.tables],
        "## Figures",
        *[f"![{f.name}]({f.name}.png)\n\n{markdown(f.caption)}" for f in report.figures],
        *samples_markdown(report.evidence),
        "## Runs",
        _runs_markdown(report.evidence.runs),
        "## Provenance",
        "\n".join(
            f"- {markdown(key)}: {markdown(value)}"
            for key, value in provenance(report.evidence, report.replay)
        ),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _runs_markdown(runs: pd.DataFrame) -> str:
    lines = ["| run | state | reason | cell |", "|:--|:--|:--|:--|"]
    for r in runs.to_dict("records"):
        lines.append("| " + " | ".join(markdown(text) for text in run_cells(r)) + " |")
    return "\n".join(lines)
