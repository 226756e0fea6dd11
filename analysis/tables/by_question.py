"""Arms paired by question, given the runs that were made: a second number beside the difference over runs."""

from __future__ import annotations

from dataclasses import replace

from analysis.checks.matching import label_cell
from analysis.evidence.by_question import Paired, paired
from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import ResultTraces
from analysis.inference.findings import Summary, summarise
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.logs.trace import Trace
from analysis.statistics import Comparison, QuestionComparison
from analysis.tables import captions
from analysis.tables.results import ADJUSTED, REFERENCE
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from analysis.text.unit import PERCENT

NOTHING = Cell("–")
Difference = QuestionComparison | Comparison
BY_QUESTION, OVER_RUNS = "difference by question", "difference over runs"
COLUMNS = ("arm", REFERENCE, "questions", BY_QUESTION, "p by question", "correlation", OVER_RUNS)


def by_question_table(evidence: Evidence) -> Table | None:
    """Return every tested arm under the primary metric; None if nothing is tested, and for imported scores,
    which have no questions.
    """
    how = evidence.study.mode, evidence.study.temperature
    if evidence.study.imported or evidence.scores(*how).empty:
        return None
    if rule_of(evidence).alpha is None:
        return None
    traces, summaries = ResultTraces(evidence, *how), summarise(evidence, *how)
    tested = [s.arm for s in summaries if s.adjusted is not None]
    rows = [
        _row(evidence, summary, reference, traces, tested)
        for summary in summaries
        if (reference := evidence.study.reference_of(summary.arm)) is not None
    ]
    if not rows:
        return None
    metric = captions.decoding(evidence, *how)
    return Table(
        "by_question",
        (
            f"Differences in {metric}, in points, with arms paired by question: what other questions would have shown for these "
            "same runs, beside the difference over runs.",
        ),
        COLUMNS,
        tuple(rows),
        title="Differences by question",
        notes=_notes(evidence),
        meanings=MEANINGS,
        qualifiers={BY_QUESTION: "95 % CI", **({OVER_RUNS: ADJUSTED} if tested else {})},
    )


def _row(
    evidence: Evidence, summary: Summary, reference: Arm, traces: ResultTraces, tested: list[Arm]
) -> Row:
    arm = summary.arm
    found = paired(evidence, arm, reference, evidence.study.mode, evidence.study.temperature)
    whole = traces.of(
        [arm, reference],
        f"{arm.label} minus {reference.label} over the questions that both answered: a question's score is the mean over an "
        "arm's runs and their samples, the difference the unweighted mean over sets; its error is clustered by question and "
        "conditional on these runs. A run's value is its average",
    )
    cells = (
        label_cell(evidence, arm),
        Cell(reference.label, {REFERENCE: reference.name}),
        *question_cells(found, whole),
        _over_runs(summary, traces.adjusted(arm, summary.comparison, tested)),
    )
    return Row("a/a" if arm.role == "aa" else "arm", cells)


def question_cells(found: Paired, source: Trace | None = None) -> tuple[Cell, Cell, Cell, Cell]:
    """Return questions, difference with its interval, p, and correlation of a pair."""
    c = found.comparison
    if c is None:
        none = f"none ({found.left_out} left out)" if found.left_out else "–"
        asked = Cell(none, {"questions": 0, "left_out": found.left_out}, trace=source)
        return asked, NOTHING, NOTHING, NOTHING
    left = f" ({found.left_out} left out)" if found.left_out else ""
    counts: dict[str, float | int | str | None] = {"questions": c.questions, "left_out": found.left_out}
    return (
        Cell(f"{c.questions}{left}", counts, trace=source),
        Cell(
            difference_text(c),
            _numbers("by_question", c) | {"by_question_error": _points(c.error)},
            trace=source,
        ),
        Cell(p_text(c.p), {"by_question_p": c.p}, trace=source),
        Cell(
            "–" if c.correlation is None else rounded(c.correlation, ".2f").replace("-", "−"),
            {"correlation": c.correlation},
            trace=source,
        ),
    )


def difference_text(c: Difference) -> str:
    """Format `+1.2 [−0.3, +2.7]` in points; only the difference without an interval."""
    if c.low is None or c.high is None:
        return PERCENT.signed(c.difference)
    return f"{PERCENT.signed(c.difference)} [{PERCENT.signed(c.low)}, {PERCENT.signed(c.high)}]"


def _over_runs(summary: Summary, source: Trace | None) -> Cell:
    """Return the difference as in the results table."""
    if summary.comparison is None:
        return NOTHING
    low, high = summary.shown_interval
    c = replace(summary.comparison, low=low, high=high)
    return Cell(difference_text(c), _numbers("over_runs", c), trace=source)


def _numbers(name: str, c: Difference) -> dict[str, float | int | str | None]:
    return {name: _points(c.difference), f"{name}_low": _points(c.low), f"{name}_high": _points(c.high)}


def _points(share: float | None) -> float | None:
    return None if share is None else PERCENT.factor * share


MEANINGS = {
    REFERENCE: "The arm that this one is compared with.",
    "questions": "Questions that both arms answered.",
    BY_QUESTION: "A question's score is the mean over an arm's runs and their samples. t interval over questions, clustered by question "
    "within sets.",
    "p by question": "p of the difference by question, unadjusted.",
    "correlation": "Correlation of the two arms over questions within sets: the higher it is, the more pairing gains.",
    OVER_RUNS: "The difference of the results table, whose interval is over seeds.",
}


def _notes(evidence: Evidence) -> tuple[str, ...]:
    again = (
        "The A/A arm repeats its reference with other seeds: a difference by question is not an effect there."
    )
    return (
        "Pairing by question says nothing about other seeds, so bold, p (Holm) and verdicts do not use it.",
        *([again] if evidence.study.with_role("aa") else []),
    )
