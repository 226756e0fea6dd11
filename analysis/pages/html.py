"""The report as one self-contained page, index.html: nothing in it loads anything, and its policy forbids that too."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.claims.section import verdicts_html
from analysis.content import Report
from analysis.figures.svg import chart_html, why_button
from analysis.logs.manifest import PRESET_NOTES
from analysis.logs.trace import FILES
from analysis.pages.html_tables import table_html
from analysis.pages.samples_html import samples_html
from analysis.pages.stylesheet import CSS, SAMPLES_CSS
from analysis.provenance.record import provenance, traced
from analysis.text.escape import page as in_page
from analysis.text.escape import visible

SCRIPT = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
DIGITS = 7
"""Significant digits of runs' values on the page; provenance.json has more."""
DIALOG = (
    '<dialog id="provenance-of" aria-labelledby="provenance-title"><form method="dialog"><button>close</button>'
    '</form><h2 id="provenance-title"></h2><div class="body"></div></dialog>'
)


def page_html(report: Report) -> str:
    """The page. Every text from data is escaped, in markup and in the data block that the script reads."""
    study = report.evidence.study
    samples = samples_html(report.evidence)
    body = f"""<header><p class="preset">{in_page(PRESET_NOTES[study.preset])}</p>
<h1>{in_page(study.title)}</h1><p class="question">{in_page(study.question)}</p></header>
{verdicts_html(report.verdicts)}{_why("verdicts") if report.verdicts else ""}
<section id="gates"><h2>Gates</h2><ol class="gates">{_gates(report)}</ol>{_why("gates")}</section>
<section id="tables"><h2>Tables</h2><p class="hint">A head sorts. A number opens where it comes from; arrow keys go from number
to number.</p>{"".join(table_html(table) for table in report.tables)}</section>
<section id="figures"><h2>Figures</h2><p class="hint">Point at a figure for its values, or go along it with the arrow keys.
</p>{_figures(report)}</section>
{samples}<section id="runs"><h2>Runs</h2>{_runs(report.evidence.runs)}</section>
<section id="provenance"><h2>Provenance</h2><dl>{_facts(report)}</dl></section>"""
    css = CSS + SAMPLES_CSS if samples else CSS
    return document(study.title, body, css, SCRIPT, _embedded(report))


def document(
    title: str,
    body: str,
    css: str,
    script: str,
    data: Mapping[str, Any] | None = None,
    connect: str = "'none'",
) -> str:
    """An HTML document that can load nothing: its policy knows its one style and its one script by their hashes.

    `data` is for the script to show where numbers come from; `connect` is what it may ask for more, in a policy's words.
    """
    policy = (
        f"default-src 'none'; style-src {_hash(css)}; script-src {_hash(script)}; connect-src {connect}; "
        "base-uri 'none'; form-action 'none'"
    )
    block = (
        ""
        if data is None
        else f'{DIALOG}\n<script type="application/json" id="provenance-data">{json_block(data)}</script>'
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{in_page(title)}</title><style>{css}</style></head><body><main>
{body}
</main>{block}
<script>{script}</script></body></html>
"""


def json_block(content: Any) -> str:
    """JSON for a script element: no text in it can end the element or begin a comment."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _embedded(report: Report) -> dict[str, Any]:
    """What the script shows of provenance."""
    content = traced(report, DIGITS)
    content["tables"] = {table.name: content["tables"][table.name] for table in report.tables}
    for table in content["tables"].values():  # rows are called here as the page's attributes call them
        table["cells"] = [[visible(key), *cell] for key, *cell in table["cells"]]
    trained: dict[str, None] = {}
    for run in content["runs"]:
        versions = run.pop("versions", {})
        trained[", ".join(f"{name} {number}" for name, number in sorted(versions.items()))] = None
    made = ", ".join(f"{name} {number}" for name, number in content["made_with"].items())
    packages = " | ".join(text for text in trained if text) or "versions that were not recorded"
    return {**content, "trained_with": packages, "made_with": made, "files": dict(FILES)}


def _why(section: str) -> str:
    return f"<p>{why_button('section', section)}</p>"


def _gates(report: Report) -> str:
    return "\n".join(
        f'<li class="{g.verdict.replace(" ", "-")}"><b>{in_page(g.verdict)}</b> '
        f"<span>{in_page(g.name)}</span><small>{in_page(g.evidence)}</small></li>"
        for g in report.gates
    )


def _figures(report: Report) -> str:
    return "".join(chart_html(report.charts[f.name], f.caption) for f in report.figures)


def _facts(report: Report) -> str:
    facts = provenance(report.evidence, report.replay)
    return "\n".join(f"<dt>{in_page(key)}</dt><dd>{in_page(value)}</dd>" for key, value in facts)


def _runs(runs: pd.DataFrame) -> str:
    lines = []
    for r in runs.to_dict("records"):
        name, status, why, cell = (in_page(text) for text in run_cells(r))
        lines.append(
            f'<tr class="{status}"><th scope="row">{name}</th><td>{status}</td><td>{why}</td>'
            f"<td><code>{cell}</code></td></tr>"
        )
    states = ", ".join(f"{n} {state}" for state, n in runs["status"].value_counts().sort_index().items())
    return (
        f"<details><summary>{len(runs)} planned: {in_page(states)}</summary><div class='scroll'><table>"
        "<caption class='sr'>Planned runs</caption><thead><tr>"
        "<th scope='col'>run</th><th scope='col'>state</th><th scope='col'>reason</th><th scope='col'>cell</th></tr>"
        "</thead><tbody>" + "\n".join(lines) + "</tbody></table></div></details>"
    )


def run_cells(run: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """A run's name, state, reason and cell in words."""
    why = str(run["reason"])
    if run["message"] and run["message"] != why:
        why += f": {run['message']}"
    return f"{run['arm']} seed {run['seed']}", str(run["status"]), why, str(run["cell"])
