"""The questions of the evaluation, and how precisely it scores a run: every decoding, set by set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.evidence.decodings import Asked, Decoding, decodings
from analysis.evidence.evidence import Evidence
from analysis.logs.trace import RESPONSES, Trace, answers, trace
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table

ERRORS = "SE over questions", "SE over samples"
WORTH, OF_AVERAGE = "points per question", "points of the average"
FIRST = (
    "answers",
    "set",
    "questions",
    "k",
    "mean score",
    ERRORS[0],
    ERRORS[1],
    WORTH,
    OF_AVERAGE,
)
LAST = ("truncated %", "tokens")
PASS, MAJORITY = "pass@k", "maj@k"


def evaluation_table(evidence: Evidence) -> Table | None:
    """Return final answers of the trained runs by decoding and set, and of the base; None for imported
    scores, and without answers.
    """
    if evidence.study.imported or evidence.final.empty:
        return None
    found = list(decodings(evidence))
    extra = [PASS] if any(d.average.passed for d in found) else []
    extra += [MAJORITY] if any(d.average.won for d in found) else []
    asked = [_sizes(d) for d in found if not d.base]
    rows = [_row(d, one, extra) for d in found for one in _shown(d, asked)]
    if not rows:
        return None
    shortened = any(d.base and len(d.sets) > 1 and _sizes(d) in asked for d in found)
    return Table(
        "evaluation",
        (
            "What the final evaluation asked, and how precisely it scores a single run. Scores are means (%) over all trained runs.",
        ),
        (*FIRST, *LAST, *extra),
        tuple(rows),
        notes=(
            "Scores here do not compare arms. Averages are unweighted over sets.",
            *(["For the base only averages are shown: it answered the same questions."] if shortened else []),
        ),
        meanings=MEANINGS,
    )


def _shown(decoding: Decoding, asked: list[dict[str, int]]) -> tuple[Asked, ...]:
    """Return its sets and their average; only the set if there is one; only the average for a base that
    answered the same questions.
    """
    if len(decoding.sets) == 1:
        return tuple(decoding.sets)
    return (
        (decoding.average,)
        if decoding.base and _sizes(decoding) in asked
        else (*decoding.sets, decoding.average)
    )


def _sizes(decoding: Decoding) -> dict[str, int]:
    return {one.set: one.questions for one in decoding.sets}


def _row(decoding: Decoding, one: Asked, extra: list[str]) -> Row:
    how = "greedy" if decoding.mode == "greedy" else f"T = {decoding.temperature:g}"
    whose = "base, " if decoding.base else ""
    cells = [
        Cell(f"{whose}{how}", {"answers": f"{whose}{how}"}),
        Cell(one.set, {"set": one.set}),
        *_asked_cells(decoding, one),
        *_response_cells(decoding, one),
    ]
    cells += [_mean_cell(decoding, one, name) for name in extra]
    name = f"{'base ' if decoding.base else ''}{how.replace(' ', '')} {one.set}"
    return Row(f"{whose}{how}", tuple(cells), name)


def _asked_cells(decoding: Decoding, one: Asked) -> list[Cell]:
    stream, runs = answers(decoding.mode, decoding.temperature), decoding.runs
    said = f"{one.set}, final {stream.rpartition('/')[2]} answers of {_whose(decoding)}"
    asked = trace(f"counted: {said}", [RESPONSES], runs)
    mean = trace(f"mean over runs, in points: {said}", [stream], runs, one.scores, 100)
    spread = trace(
        f"root mean square over runs of one run's standard error, in points: {said}", [stream], runs
    )
    of_average = None if one.worth is None else one.worth / len(decoding.sets)
    k = " to ".join(str(n) for n in dict.fromkeys((one.samples[0], one.samples[-1])))
    return [
        Cell(str(one.questions), {"questions": one.questions}, trace=asked),
        Cell(k, {"k": one.k, "k_most": one.samples[-1]}, trace=asked),
        _points("score", _mean(one.scores), ".1f", mean),
        _points("question_error", one.clustered, ".2f", spread),
        _points("sample_error", one.sampling, ".2f", spread),
        _points("worth", one.worth, ".2f", asked),
        _points("worth_of_average", of_average, ".2f", asked),
    ]


def _response_cells(decoding: Decoding, one: Asked) -> list[Cell]:
    formula = f"mean over all answers of {_whose(decoding)} in {one.set}"
    source = trace(formula, [RESPONSES], decoding.runs)
    tokens = Cell("–", {"tokens": None})
    if one.tokens is not None:
        tokens = Cell(rounded(one.tokens, ".0f"), {"tokens": one.tokens}, trace=source)
    return [_points("truncated", one.truncated, ".1f", source), tokens]


def _mean_cell(decoding: Decoding, one: Asked, name: str) -> Cell:
    values, streams = one.passed, [answers(decoding.mode, decoding.temperature)]
    if name == MAJORITY:
        values, streams = one.won, [*streams, RESPONSES]
    formula = f"unbiased {name[:-1]}{one.k} of {_whose(decoding)} in {one.set}, mean over runs, in points"
    return _points(name, _mean(values), ".1f", trace(formula, streams, decoding.runs, values, 100))


def _points(name: str, share: float | None, spec: str, source: Trace) -> Cell:
    if share is None:
        return Cell("–", {name: None})
    return Cell(rounded(100 * share, spec), {name: 100 * share}, trace=source)


def _mean(values: Mapping[int, float]) -> float | None:
    return float(np.mean(list(values.values()))) if values else None


def _whose(decoding: Decoding) -> str:
    return "the base" if decoding.base else "all trained runs"


MEANINGS = {
    "k": "Samples per question.",
    ERRORS[
        0
    ]: "Standard error, in points, of one run's score over questions, clustered by question; a root mean square over runs.",
    ERRORS[
        1
    ]: "Standard error, in points, of one run's score over samples of the same questions; a root mean square over runs.",
    WORTH: "Points of the set's score that one question counts for.",
    OF_AVERAGE: "Points of the average over sets that one question counts for.",
    "truncated %": "Answers cut at the token limit.",
    "tokens": "Mean length of an answer.",
    PASS: "Questions with a correct answer among k samples (%).",
    MAJORITY: "Questions whose most frequent answer of k is correct (%).",
}
