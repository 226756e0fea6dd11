"""Traces of scores: the cells of the results, base and stability tables, and their figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.logs.manifest import Arm
from analysis.logs.trace import RECORD, Trace, answers, trace
from analysis.statistics import Comparison

BEST = "bold: could be the best (not shown to lie below another competing arm, by its p or over all pairs; monotone in the means)"


class ResultTraces:
    """Traces under one decoding; `stream` is the stream of the answers and `scores` has one row per run, in the study's unit."""

    def __init__(self, evidence: Evidence, mode: str, temperature: float):
        self.evidence = evidence
        self.stream = answers(mode, temperature)
        self.scores = evidence.scores(mode, temperature)
        self.unit = evidence.unit
        self.where = f"final {self.stream.rpartition('/')[2]} answers"

    def score(self, arm: Arm, column: str) -> Trace:
        """Trace the mean of an arm's runs in a column, and what decides whether it is bold."""
        of_run = self._of_run(column)
        points = ", in points" if self.unit.percent else ""
        formula = f"mean over the arm's runs of {of_run}{points}; ± is half a 95 % t interval over runs"
        found = trace(formula, [self.stream], *self._runs(arm, column), self.unit.factor)
        if not arm.competes or column != AVERAGE:
            return found
        return replace(found, decides=self._everyone(), rule=BEST)

    def _of_run(self, column: str) -> str:
        if column != AVERAGE:
            return f"the mean over questions of set {column} of the mean over samples of the {self.where}"
        return f"the unweighted mean over sets of its score in each ({self.where})"

    def count(self, arm: Arm) -> Trace:
        """Trace the number of scored runs out of those planned."""
        names = [same.name for same in self.evidence.same_cell(arm)]
        runs = self.evidence.runs.index[self.evidence.runs["arm"].isin(names)]
        scored = {int(r): float(r in self.scores.index) for r in runs}
        return trace(
            "runs that are scored / runs planned; 1 is a scored run", [self.stream, RECORD], runs, scored
        )

    def lost(self, arm: Arm) -> Trace:
        """Trace the planned runs that are not done."""
        runs = self.evidence.runs.index[self.evidence.runs["arm"] == arm.name]
        return trace("planned runs of the arm that are not done, by state", [RECORD], runs)

    def difference(self, arm: Arm, found: Comparison | None) -> Trace | None:
        """Trace the difference of an arm's average from its reference's."""
        reference = self.evidence.study.reference_of(arm)
        if reference is None or found is None:
            return None
        how = "mean of {a} minus mean of {b}, by Welch's t"
        if found.test == "paired":
            how = "mean over shared seeds of {a} minus {b}, by a paired t"
        formula = how.format(a=arm.label, b=reference.label) + f"; a run's value is {self._of_run(AVERAGE)}"
        whole = self.of([arm, reference], formula, cells=arm.role != "aa")
        return self._shared(whole) if found.test == "paired" else whole

    def _shared(self, whole: Trace) -> Trace:
        """Restrict a trace of two arms to the seeds that both have."""
        seeds = self.evidence.runs["seed"].tolist()
        found = Counter(seeds[run] for run, _ in whole.values)
        kept = {run: value for run, value in whole.values if found[seeds[run]] > 1}
        return trace(whole.formula, whole.reads, kept, kept)

    def adjusted(self, arm: Arm, found: Comparison | None, tested: Sequence[Arm]) -> Trace | None:
        """Trace the p of an arm's difference and its interval, and the arms over which they are adjusted."""
        mine = self.difference(arm, found)
        if mine is None or arm not in tested:
            return mine
        return replace(
            mine,
            formula=f"{mine.formula}; then Holm's adjustment over {len(tested)} arms",
            decides=self._everyone(),
            rule="Holm's adjustment: every arm's p",
        )

    def _everyone(self) -> dict[str, frozenset[int]]:
        """Return the reads of every run: those of the family, and those that show whether some run collapsed, which changes all comparisons."""
        return {self.stream: self._counted(self.evidence.study.arms)}

    def whole(self, formula: str) -> Trace:
        """Trace what depends on every run: captions, and figures of all arms."""
        return self.of(self.evidence.study.arms, formula)

    def below(self, arm: Arm, formula: str) -> Trace:
        """Trace whether the arm's runs fell below the base."""
        bases = self.evidence.study.with_role("base")
        found = self.of([arm, *bases], formula)
        return replace(found, reads={**found.reads, RECORD: self._counted([arm, *bases])})

    def of(self, arms: Iterable[Arm], formula: str, *, cells: bool = True) -> Trace:
        """Trace the averages of several arms' runs; with `cells`, including the runs of their A/A arms."""
        runs: list[int] = []
        values: dict[int, float] = {}
        for arm in arms:
            read, numbers = self._runs(arm, AVERAGE, cells)
            runs += read
            values |= numbers
        return trace(formula, [self.stream], dict.fromkeys(runs), values, self.unit.factor)

    def _runs(self, arm: Arm, column: str, cell: bool = True) -> tuple[list[int], Mapping[int, float]]:
        """Return the counted runs of the arm or its cell, and the values of those that are scored."""
        runs = self.evidence.counted_of_cell(arm) if cell else self.evidence.counted(arm)
        return runs, column_of(self.scores, column, runs)

    def _counted(self, arms: Iterable[Arm]) -> frozenset[int]:
        return frozenset(run for arm in arms for run in self.evidence.counted_of_cell(arm))


def column_of(scores: pd.DataFrame, column: str, runs: Iterable[int]) -> dict[int, float]:
    """Return run to value for those of `runs` that are in the table."""
    wanted = list(runs)
    place = scores.index.get_indexer(wanted)
    value = scores[column].to_numpy()
    return {run: float(value[p]) for run, p in zip(wanted, place, strict=True) if p >= 0}


def primary_traces(evidence: Evidence) -> ResultTraces:
    """Return the traces of the study's primary metric."""
    return ResultTraces(evidence, evidence.study.mode, evidence.study.temperature)


def counted_runs(evidence: Evidence, *roles: str) -> list[int]:
    """Return the counted runs of arms of these roles."""
    return [run for arm in evidence.study.with_role(*roles) for run in evidence.counted(arm)]
