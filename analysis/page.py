"""The report as pages: index.html (one self-contained file) and index.md (for GitHub)."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.claims.section import verdicts_html, verdicts_markdown
from analysis.escape import markdown
from analysis.provenance import provenance
from analysis.samples_page import samples_html
from analysis.samples_text import samples_markdown
from analysis.study import PRESET_NOTES
from analysis.stylesheet import CSS, SAMPLES_CSS
from analysis.tables import Table, to_html, to_markdown

if TYPE_CHECKING:
    from analysis.report import Report


def page_html(report: Report, folder: Path) -> str:
    """One page without scripts or outside links; figures are inlined from the folder's SVG files."""
    study = report.evidence.study
    gates = "\n".join(
        f'<li class="{g.verdict.replace(" ", "-")}"><b>{html.escape(g.verdict)}</b> '
        f"<span>{html.escape(g.name)}</span><small>{html.escape(g.evidence)}</small></li>"
        for g in report.gates
    )
    figures = "\n".join(
        f'<figure id="{f.name}"><div class="plot">{inline_svg(folder / f"{f.name}.svg", f.name)}</div>'
        f"<figcaption>{html.escape(f.caption)}</figcaption></figure>"
        for f in report.figures
    )
    facts = "\n".join(
        f"<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>"
        for key, value in provenance(report.evidence, report.replay)
    )
    samples = samples_html(report.evidence)
    css = CSS + SAMPLES_CSS if samples else CSS
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(study.title)}</title><style>{css}</style></head><body><main>
<header><p class="preset">{html.escape(PRESET_NOTES[study.preset])}</p>
<h1>{html.escape(study.title)}</h1><p class="question">{html.escape(study.question)}</p></header>
{verdicts_html(report.verdicts)}
<section><h2>Gates</h2><ol class="gates">{gates}</ol></section>
<section><h2>Tables</h2>{"".join(to_html(table) for table in report.tables)}</section>
<section><h2>Figures</h2>{figures}</section>
{samples}<section><h2>Runs</h2>{_runs_html(report.evidence.runs)}</section>
<section><h2>Provenance</h2><dl>{facts}</dl></section>
</main></body></html>
"""


def inline_svg(path: Path, name: str) -> str:
    """An SVG element of a file, with ids that cannot meet another figure's."""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    return text.replace("<svg ", f'<svg role="img" aria-label="{name.replace("_", " ")}" ', 1)


def _runs_html(runs: pd.DataFrame) -> str:
    lines = []
    for r in runs.to_dict("records"):
        name, status, why, cell = (html.escape(text) for text in _run_cells(r))
        lines.append(
            f'<tr class="{status}"><th scope="row">{name}</th><td>{status}</td><td>{why}</td>'
            f"<td><code>{cell}</code></td></tr>"
        )
    states = ", ".join(f"{n} {state}" for state, n in runs["status"].value_counts().sort_index().items())
    return (
        f"<details><summary>{len(runs)} planned: {html.escape(states)}</summary><div class='scroll'><table><thead><tr>"
        "<th>run</th><th>state</th><th>reason</th><th>cell</th></tr></thead><tbody>"
        + "\n".join(lines)
        + "</tbody></table></div></details>"
    )


def _run_cells(run: dict[str, Any]) -> tuple[str, str, str, str]:
    why = str(run["reason"])
    if run["message"] and run["message"] != why:
        why += f": {run['message']}"
    return f"{run['arm']} seed {run['seed']}", str(run["status"]), why, str(run["cell"])


def page_markdown(report: Report) -> str:
    """The same content for GitHub, with figures as links to their PNG files."""
    study = report.evidence.study
    parts = [
        f"# {markdown(study.title)}",
        f"**{markdown(PRESET_NOTES[study.preset])}**",
        markdown(study.question),
        *verdicts_markdown(report.verdicts),
        "## Gates",
        "\n".join(
            ["| gate | verdict | evidence |", "|:--|:--|:--|"]
            + [f"| {markdown(g.name)} | **{g.verdict}** | {markdown(g.evidence)} |" for g in report.gates]
        ),
        "## Tables",
        *[f"### {_title(table)}\n\n{to_markdown(table)}" for table in report.tables],
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


def _title(table: Table) -> str:
    return markdown(table.title or table.name.replace("_", ", ").capitalize())


def _runs_markdown(runs: pd.DataFrame) -> str:
    lines = ["| run | state | reason | cell |", "|:--|:--|:--|:--|"]
    for r in runs.to_dict("records"):
        lines.append("| " + " | ".join(markdown(text) for text in _run_cells(r)) + " |")
    return "\n".join(lines)
