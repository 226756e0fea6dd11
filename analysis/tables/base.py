"""The untrained base: the starting point of every arm."""

from __future__ import annotations

import pandas as pd

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.evidence.result_traces import column_of
from analysis.logs.trace import answers, trace
from analysis.text.numbers import points
from analysis.text.table import Cell, Row, Table

PASS_K = 16


def base_table(evidence: Evidence) -> Table | None:
    """Return greedy, sampled and pass@16 scores of the base, in percent points; None if no base run is
    scored.
    """
    bases = evidence.study.with_role("base")
    runs = [run for arm in bases for run in evidence.counted(arm)]
    rows = [
        row
        for title, stream, scores in _decodings(evidence)
        if (row := _row(evidence, title, stream, scores.loc[scores.index.isin(runs)])) is not None
    ]
    if not rows:
        return None
    caption = ("Scores (%) of the untrained base by decoding: one evaluation, so no interval over seeds.",)
    passed = any(row.cells[0].text.startswith("pass@") for row in rows)
    notes = (f"pass@{PASS_K} is an unbiased estimate.",) if passed else ()
    columns = ("decoding", *evidence.sets, *([AVERAGE] if len(evidence.sets) > 1 else []))
    return Table("base", caption, columns, tuple(rows), title="Untrained base", notes=notes)


def _decodings(evidence: Evidence) -> list[tuple[str, str, pd.DataFrame]]:
    """Return title, stream of answers, and scores, per decoding."""
    sampled = evidence.questions.loc[evidence.questions["mode"] == "sampled", "temperature"]
    temperatures = sorted(float(t) for t in sampled.unique())
    return [
        ("greedy", answers("greedy", 0.0), evidence.scores("greedy", 0.0)),
        *[
            (f"sampled, T = {t:g}", answers("sampled", t), evidence.scores("sampled", t))
            for t in temperatures
        ],
        *[
            (f"pass@{PASS_K}, T = {t:g}", answers("sampled", t), evidence.passes(PASS_K, t))
            for t in temperatures
            if t == 1.0
        ],
    ]


def _row(evidence: Evidence, title: str, stream: str, scores: pd.DataFrame) -> Row | None:
    if scores.empty:
        return None
    columns = (*evidence.sets, *([AVERAGE] if len(evidence.sets) > 1 else []))
    means = {c: float(scores[c].mean()) for c in columns}
    runs = [int(run) for run in scores.index]
    cells = [
        Cell(
            points(means[c]),
            {c: 100 * means[c]},
            trace=trace(
                f"{title} of the base in {c}, in points", [stream], runs, column_of(scores, c, runs), 100
            ),
        )
        for c in columns
    ]
    return Row("base", (Cell(title, {"decoding": title}), *cells))
