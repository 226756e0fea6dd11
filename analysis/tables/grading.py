"""How answers were graded, set by set: shares of statuses, and how often a second grader disagreed."""

from __future__ import annotations

import pandas as pd

from analysis.evidence.evidence import Evidence
from analysis.logs.compact import SECOND, STATUSES, is_graded
from analysis.logs.trace import GRADING, trace
from analysis.text.rounding import rounded
from analysis.text.table import EMPTY, Cell, Row, Table

ALL = "all sets"


def grading_table(evidence: Evidence) -> Table | None:
    """Return final answers of all runs, in percent; None if their reward has neither grader processes nor a
    second grader.
    """
    answers = evidence.final
    if answers.empty or not is_graded(answers):
        return None
    parts = {name: answers[answers["set"].astype(str) == name] for name in evidence.sets}
    if len(evidence.sets) > 1:
        parts[ALL] = answers
    rows = [_row(name, part) for name, part in parts.items() if len(part)]
    columns = ("set", "answers", *(f"{status} %" for status in STATUSES), "graded twice", "disagree %")
    return Table(
        "grading",
        (_caption(answers),),
        columns,
        tuple(rows),
        title="Grading of answers",
        meanings=MEANINGS,
    )


def disagreement(answers: pd.DataFrame) -> tuple[int, int]:
    """Return how many answers two graders graded, and how many one of them accepts and the other does not."""
    if SECOND.name not in answers:
        return 0, 0
    seen = answers[answers[SECOND.name].notna()]
    apart = (seen["status"].astype(str) == "ok") != (seen[SECOND.name].astype(str) == "ok")
    return len(seen), int(apart.sum())


def _row(name: str, answers: pd.DataFrame) -> Row:
    runs = [int(run) for run in answers["run"].unique()]
    counts = {status: int((answers["status"].astype(str) == status).sum()) for status in STATUSES}
    twice, apart = disagreement(answers)
    shares = [_cell(status, count, len(answers), runs) for status, count in counts.items()]
    cells = (
        Cell(name, {"set": name}),
        Cell(str(len(answers)), {"answers": len(answers)}),
        *shares,
        Cell(str(twice) if twice else EMPTY, {"graded_twice": twice}),
        _cell("disagree", apart, twice, runs),
    )
    return Row("all" if name == ALL else "sets", cells)


def _cell(what: str, count: int, whole: int, runs: list[int]) -> Cell:
    if whole == 0:
        return Cell(EMPTY, {what: None})
    share = 100 * count / whole
    return Cell(
        rounded(share, ".1f"),
        {what: share, f"{what}_count": count},
        trace=trace(f"100 x {count} / {whole} final answers of all runs: {what}", [GRADING], runs),
    )


def _caption(answers: pd.DataFrame) -> str:
    twice, apart = disagreement(answers)
    said = f"; two graders disagree on {apart} of the {twice} that both graded" if twice else ""
    return f"Final answers of all runs and decodings, by the grader's verdict{said}."


MEANINGS = {
    "unparsable %": "No answer was found in the response.",
    "timeout %": "The grader ran out of processor seconds on the answer, which scores 0.",
    "crashed %": "The grader crashed on the answer, which scores 0.",
    "truncated %": "Cut at the token limit and not graded, which scores 0.",
    "graded twice": "Answers that a second grader graded too.",
    "disagree %": "One grader accepts the answer and the other does not.",
}
