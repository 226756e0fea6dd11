"""The section "Claims" of both pages: one line per claim that these runs can test, and the others in one
fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from analysis.claims.measures import MEASURES
from analysis.claims.section import Judged, VerdictLine, about
from analysis.claims.spec import Claim
from analysis.figures.svg import why_button
from analysis.pages.templates import own, render
from analysis.text.escape import markdown
from analysis.text.pieces import folded


@dataclass(frozen=True)
class _Told:
    """A claim with its verdict and the text about it."""

    name: str
    claim: Claim
    word: str
    state: str
    lines: Sequence[VerdictLine]
    """The claim's own line first, then one per comparison if it has several or some cannot be tested."""
    measure: str
    about: str


def verdicts_html(judged: Sequence[Judged]) -> Markup:
    """Return one section; nothing without claims."""
    files = [(file, *_parted(file)) for file in judged]
    return (
        render(
            "verdicts.html",
            files=files,
            folded=_untestable,
            why=lambda section: own(why_button("section", section)),
        )
        if judged
        else Markup()
    )


def verdicts_markdown(judged: Sequence[Judged]) -> list[str]:
    """Return the same as paragraphs for GitHub; none without claims."""
    parts = ["## Claims"] if judged else []
    for file in judged:
        tested, untested = _parted(file)
        parts.append(markdown(file.claims.title))
        if tested:
            table = ["| claim | verdict | evidence |", "|:--|:--|:--|"]
            for told in tested:
                says, evidence = (
                    markdown(f"{told.name}: {told.claim.says}"),
                    markdown(f"{told.measure}: {_evidence(told.lines[0])}"),
                )
                table.append(f"| {says} | **{told.word}** ({told.state}) | {evidence} |")
            parts.append("\n".join(table))
        if untested:
            why = [f"- {markdown(f'{t.name}: {t.claim.says} {t.lines[0].evidence}')}" for t in untested]
            parts.append(folded(_untestable(untested), "\n".join(why)))
        how = [f"- {markdown(f'{t.name}: {t.about}')}" for t in tested]
        compared = [f"- {markdown(f'{t.name}: {_evidence(line)}')}" for t in tested for line in t.lines[1:]]
        parts.append(folded("How claims are judged", "\n".join([markdown(file.rule), "", *how, *compared])))
    return parts


def _parted(file: Judged) -> tuple[list[_Told], list[_Told]]:
    """Split claims into tested and untestable ones."""
    tested: list[_Told] = []
    untested: list[_Told] = []
    for name, claim in file.claims.claims.items():
        verdict = file.verdicts[name]
        measure = MEASURES[claim.measure].meaning
        lines = [line for line in file.lines if line.claim == name]
        told = _Told(_shown(name), claim, verdict.word, file.states[name], lines, measure, about(claim))
        (untested if verdict.judgment is None else tested).append(told)
    return tested, untested


def _untestable(untested: Sequence[_Told]) -> str:
    one = len(untested) == 1
    return f"{len(untested)} claim{'' if one else 's'} {'is' if one else 'are'} not testable here: why"


def _evidence(line: VerdictLine) -> str:
    return ": ".join(text for text in (line.compared, line.evidence) if text)


def _shown(name: str) -> str:
    """Return a claim's name for readers: `C2_retains` is the claim C2 and which half of it."""
    return name.replace("_", ", ")
