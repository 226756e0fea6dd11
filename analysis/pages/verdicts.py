"""The section "Verdicts" of both pages."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from analysis.claims.section import Judged, about
from analysis.claims.spec import Claim
from analysis.pages.templates import render
from analysis.text.escape import markdown


def verdicts_html(judged: Sequence[Judged]) -> Markup:
    """One section; a claim is a heading, what it is tested on, and one card per comparison. Nothing without claims."""
    return render("verdicts.html", judged=judged, shown=_shown, about=about) if judged else Markup()


def verdicts_markdown(judged: Sequence[Judged]) -> list[str]:
    """The same as paragraphs for GitHub; none without claims."""
    parts = ["## Verdicts"] if judged else []
    for file in judged:
        parts.append(markdown(file.claims.title))
        table = ["| claim | verdict | compared | evidence |", "|:--|:--|:--|:--|"]
        for line in file.lines:
            cells = (_shown(line.claim), line.compared, line.evidence)
            shown, compared, evidence = (markdown(cell) for cell in cells)
            word = f"**{line.verdict}**" if line.verdict else ""
            table.append(f"| {shown} | {word} | {compared} | {evidence} |")
        parts.append("\n".join(table))
        parts.append(
            "\n".join(
                f"- **{file.verdicts[name].word}**, {file.states[name]}. {markdown(_sentence(name, claim))}"
                for name, claim in file.claims.claims.items()
            )
        )
        parts.append(markdown(file.rule))
    return parts


def _sentence(name: str, claim: Claim) -> str:
    return f"{_shown(name)}: {claim.says} Measured: {about(claim)}"


def _shown(name: str) -> str:
    """`C2_retains` is the claim C2 and which half of it."""
    return name.replace("_", ", ")
