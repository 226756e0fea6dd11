"""The findings of a study with one run per arm: each run's score with its interval over questions, and what
training changed.
"""

from __future__ import annotations

import numpy as np

from analysis.checks.matching import label_cell
from analysis.evidence.by_question import by_set, paired, question_means
from analysis.evidence.evidence import GREEDY, Evidence
from analysis.evidence.result_traces import ResultTraces
from analysis.logs.manifest import Arm
from analysis.statistics import QuestionComparison, paired_by_question
from analysis.tables.by_question import question_cells
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from analysis.text.unit import PERCENT

NOTHING = Cell("–")
CHANGE = "change from the base"
COLUMNS = ("arm", "answers", "score", "questions", CHANGE, "p by question", "correlation")


def single_runs_table(evidence: Evidence) -> Table | None:
    """Return every arm and the base, by decoding; None for imported scores, and if an arm has a second scored
    run, as then the spread over runs counts.
    """
    study = evidence.study
    decodings = [(study.mode, study.temperature), GREEDY]
    scored = {how: evidence.scores(*how) for how in dict.fromkeys(decodings)}
    trained = [arm for arm in study.arms if arm.role != "base"]
    if study.imported or any(len(arm.seeds) > 1 for arm in trained):
        return None
    rows = [
        row
        for how, scores in scored.items()
        if not scores.empty
        for arm in study.arms
        if (row := _row(evidence, arm, *how)) is not None
    ]
    if not rows:
        return None
    return Table(
        "single_runs",
        ("How precisely each single run is scored (%), and what its training changed, over questions.",),
        COLUMNS,
        tuple(rows),
        title="Single runs, by question",
        notes=NOTES,
        meanings=MEANINGS,
        qualifiers=dict.fromkeys(("score", CHANGE), "95 % CI over questions"),
    )


def _row(evidence: Evidence, arm: Arm, mode: str, temperature: float) -> Row | None:
    """Return None for an arm without a scored run under this decoding."""
    means = question_means(evidence, arm, mode, temperature)
    if means.empty:
        return None
    base = next(iter(evidence.study.with_role("base")), None)
    traces = ResultTraces(evidence, mode, temperature)
    sets = by_set(means)
    score = paired_by_question(sets, [np.zeros_like(each) for each in sets])
    source = traces.of(
        [arm],
        f"{arm.label}: a question's score is the mean over samples, the score the unweighted mean over sets; its error is clustered "
        "by question",
    )
    how = "greedy" if mode == "greedy" else f"T = {temperature:g}"
    cells = [
        label_cell(evidence, arm),
        Cell(how, {"answers": how}),
        Cell(
            _text(score),
            {
                "score": 100 * score.difference,
                "score_low": _points(score.low),
                "score_high": _points(score.high),
            },
            trace=source,
        ),
    ]
    if base is None or arm is base:
        cells += [Cell(str(score.questions), {"questions": score.questions}, trace=source), *[NOTHING] * 3]
    else:
        whole = traces.of(
            [arm, base], f"{arm.label} minus {base.label} over the questions that both answered"
        )
        cells += question_cells(paired(evidence, arm, base, mode, temperature), whole)
    return Row("base" if arm.role == "base" else "arm", tuple(cells), f"{arm.name} {how.replace(' ', '')}")


def _text(score: QuestionComparison) -> str:
    """Format `34.8 [29.1, 40.4]` in points; only the score without an interval."""
    point = rounded(100 * score.difference, ".1f")
    if score.low is None or score.high is None:
        return point
    low, high = max(0.0, 100 * score.low), min(100.0, 100 * score.high)
    return f"{point} [{rounded(low, '.1f')}, {rounded(high, '.1f')}]"


def _points(share: float | None) -> float | None:
    return None if share is None else PERCENT.factor * share


NOTES = (
    "Intervals are over questions: they say nothing about other seeds.",
    "Arms are not compared here: with one seed each, a difference between two of them may be chance.",
)
MEANINGS = {
    "score": "The mean over questions.",
    CHANGE: "The same questions before and after this run's training, paired.",
    "p by question": "p of the change, unadjusted.",
    "correlation": "Correlation of the run's scores with the base's over questions within sets.",
}
