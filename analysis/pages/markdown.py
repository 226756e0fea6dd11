"""The report as a page for GitHub, index.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.checks.gates import PASS
from analysis.content import FOREST, Report
from analysis.figures.files import Drawn
from analysis.pages.html_tables import title
from analysis.pages.runs import ARM_HEADS, NOTED_HEADS, arm_lines, noted_lines, summary
from analysis.pages.samples_text import samples_markdown
from analysis.pages.verdicts import verdicts_markdown
from analysis.provenance.record import provenance
from analysis.text.escape import markdown
from analysis.text.pieces import folded
from analysis.text.table import Table, to_markdown


def page_markdown(report: Report) -> str:
    """Return the same content for GitHub, with figures as links to their PNG files."""
    evidence, first = report.evidence, report.first
    parts = [
        f"# {markdown(evidence.study.title)}",
        markdown(first.standing),
        markdown(first.question),
        f"**{markdown(first.answer)}**",
        *(f"**{markdown(line)}**" for line in first.head),
        markdown(" · ".join(first.facts)),
        *(_figure(figure) for figure in report.figures if figure.name == FOREST),
        "\n".join(f"- {markdown(line)}" for line in first.warnings),
        markdown(" ".join(first.common)),
        *([_table(report.results)] if report.results is not None else []),
        *verdicts_markdown(report.verdicts),
        "## Gates",
        *_gates(report),
        "## More tables",
        *map(_table, report.other_tables),
        "## Figures",
        *(_figure(figure) for figure in report.figures if figure.name != FOREST),
        *samples_markdown(evidence),
        "## Runs",
        summary(evidence) + ".",
        *([_lines(NOTED_HEADS, noted)] if (noted := noted_lines(evidence)) else []),
        folded("By arm", _lines(ARM_HEADS, arm_lines(evidence))),
        "## Provenance",
        "\n".join(
            f"- {markdown(key)}: {markdown(value)}" for key, value in provenance(evidence, report.replay)
        ),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _table(table: Table) -> str:
    return f"### {markdown(title(table))}\n\n{to_markdown(table)}"


def _figure(figure: Drawn) -> str:
    notes = folded("How to read it", markdown(" ".join(figure.notes))) if figure.notes else ""
    return "\n\n".join(
        [f"![{figure.name}]({figure.name}.png)", markdown(figure.caption), *([notes] if notes else [])]
    )


def _gates(report: Report) -> Iterator[str]:
    """Yield the gates that do not pass, then the others in a fold."""
    apart = [(g.name, g.verdict, g.evidence) for g in report.gates if g.verdict != PASS]
    passed = [(g.name, g.verdict, g.evidence) for g in report.gates if g.verdict == PASS]
    heads = ("gate", "verdict", "evidence")
    if apart:
        yield _lines(heads, apart, bold=1)
    if passed:
        yield folded(f"{len(passed)} pass", _lines(heads, passed, bold=1))


def _lines(heads: Sequence[str], rows: Sequence[Sequence[str]], bold: int | None = None) -> str:
    """Return a table; its column `bold` is in bold."""
    lines = [f"| {' | '.join(heads)} |", f"|{':--|' * len(heads)}"]
    for row in rows:
        cells = [f"**{cell}**" if i == bold else cell for i, cell in enumerate(map(markdown, row))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
