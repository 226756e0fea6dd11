"""The questions of each decoding of the final evaluation, set by set, and the error of one run's score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence.evidence import AVERAGE, Evidence, matrices_by_run
from analysis.evidence.result_traces import column_of, counted_runs
from analysis.statistics.evaluation import EvaluationError, evaluation_error, root_mean_square

TRUNCATED = "truncated"


@dataclass(frozen=True)
class Asked:
    """One set, or the average over sets, under one decoding. Shares in [0, 1]; means over runs."""

    set: str
    questions: int
    """Number of questions; of all sets, for the average."""
    samples: tuple[int, ...]
    """The numbers of samples that questions have: one, unless runs or questions differ."""
    worth: float | None
    """Share of the set's score that one question is worth; None for the average, over which sets differ."""
    scores: dict[int, float]
    """Score by run."""
    clustered: float | None
    """Standard error of one run's score over questions, a root mean square over runs."""
    sampling: float | None
    """Standard error of one run's score over samples, given the questions."""
    truncated: float
    tokens: float | None
    """None if no row has any."""
    passed: dict[int, float]
    """pass@k by run, where k is the number of samples; empty with one sample per question."""
    won: dict[int, float]
    """maj@k by run; also empty if answers were not logged."""

    @property
    def k(self) -> int:
        """Return the number of samples that every question has."""
        return self.samples[0]


@dataclass(frozen=True)
class Decoding:
    """The final evaluation of the trained runs, or of the base's, under one decoding."""

    mode: str
    temperature: float
    base: bool
    runs: tuple[int, ...]
    sets: tuple[Asked, ...]
    average: Asked


def decodings(evidence: Evidence) -> Iterator[Decoding]:
    """Yield greedy decoding first, then by temperature; trained runs before the base. Runs that are not scored are left out."""
    pairs = evidence.questions[["mode", "temperature"]].drop_duplicates()
    kinds = sorted({(str(m), float(t)) for m, t in zip(pairs["mode"], pairs["temperature"], strict=True)})
    for mode, temperature in kinds:
        scored = evidence.scores(mode, temperature).index
        for base, roles in ((False, ("arm", "no_clip", "aa")), (True, ("base",))):
            runs = [run for run in counted_runs(evidence, *roles) if run in scored]
            if runs:
                yield _decoding(evidence, (mode, temperature), base, runs)


def _decoding(evidence: Evidence, how: tuple[str, float], base: bool, runs: Sequence[int]) -> Decoding:
    rows, q = evidence.final, evidence.questions
    rows = rows[(rows["mode"] == how[0]) & (rows["temperature"] == how[1]) & rows["run"].isin(runs)]
    q = q[(q["mode"] == how[0]) & (q["temperature"] == how[1]) & q["run"].isin(runs)]
    scores = evidence.scores(*how)
    k = int(q["count"].min())
    nothing = scores.iloc[:0]
    several = how[0] == "sampled" and k > 1
    passes = evidence.passes(k, how[1]) if several else nothing
    wins = evidence.majorities(k, how[1]) if several else nothing
    tables, matrices = (scores, passes, wins), list(matrices_by_run(rows).values())
    of_set = [
        _asked(
            name,
            rows[rows["set"] == name],
            q[q["set"] == name],
            [evaluation_error([sets[name]]) for sets in matrices if name in sets],
            runs,
            tables,
        )
        for name in evidence.sets
    ]
    errors = [evaluation_error(list(sets.values())) for sets in matrices]
    whole = _asked(AVERAGE, rows, q, errors, runs, tables, of_set)
    return Decoding(*how, base, tuple(runs), tuple(of_set), whole)


def _asked(
    name: str,
    rows: pd.DataFrame,
    q: pd.DataFrame,
    errors: Sequence[EvaluationError],
    runs: Sequence[int],
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    parts: Sequence[Asked] = (),
) -> Asked:
    """Summarize a set, or the average over sets. `errors` are those of every run; `parts` are the sets that it averages, empty for a set."""
    questions = int(q.groupby("run")[["question"]].size().max())
    tokens = [part.tokens for part in parts] if parts else [_mean(rows["tokens"])]
    cut = [part.truncated for part in parts] if parts else [float((rows["status"] == TRUNCATED).mean())]
    known = [t for t in tokens if t is not None]
    scores, passed, won = (column_of(t, name, runs) if len(t) else {} for t in tables)
    return Asked(
        set=name,
        questions=questions,
        samples=tuple(sorted({int(n) for n in q["count"]})),
        worth=None if parts else 1 / questions,
        scores=scores,
        clustered=_typical([e.clustered for e in errors]),
        sampling=_typical([e.sampling for e in errors]),
        truncated=float(np.mean(cut)),
        tokens=float(np.mean(known)) if len(known) == len(tokens) else None,
        passed=passed,
        won=won,
    )


def _mean(values: pd.Series) -> float | None:
    known = values.dropna()
    return float(known.mean()) if len(known) else None


def _typical(errors: Sequence[float | None]) -> float | None:
    known = [error for error in errors if error is not None]
    return root_mean_square(known) if known else None
