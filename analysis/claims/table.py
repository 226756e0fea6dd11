"""Verdicts as data: a row a comparison, written as verdicts.csv beside the files of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from analysis.claims.measures import COLLAPSED, MEASURES, SCORE
from analysis.claims.section import Judged
from analysis.claims.spec import Claim
from analysis.claims.verdict import Finding, Verdict
from analysis.result_traces import ResultTraces
from analysis.results import Evidence
from analysis.results_table import p_text
from analysis.stability_table import base_level, collapsed_runs
from analysis.tables import Cell, Row, Table
from analysis.trace import RECORD, Trace, trace

NAME = "verdicts"
COLUMNS = (
    "claim",
    "verdict",
    "compared",
    "effect",
    "p",
    "p (Holm)",
    "n",
    "smallest effect",
    "seeds needed",
    "reason",
)
HOLM = "Holm's adjustment over all tests of the file of claims"


def verdict_table(evidence: Evidence, judged: Sequence[Judged], whole: Trace) -> Table | None:
    """Every verdict; None without claims. `whole` is the trace of what could not be tested: of any run it might have been."""
    rows = [row for file, names in row_names(judged) for row in _rows(evidence, file, names, whole)]
    caption = (
        "Effects count in the claim's direction, with 95 % intervals over runs; effects of shares are in points.",
    )
    return Table(NAME, caption, COLUMNS, tuple(rows)) if rows else None


def row_names(judged: Sequence[Judged]) -> list[tuple[Judged, list[tuple[str, str]]]]:
    """By file, the claim of every verdict in order, and what its row is called: the claim with the arms' names, or the how
    manieth of it that could not be tested; the file before it where there are several."""
    return [
        (file, list(_names(file, f"{file.name.removesuffix('.yaml')}/" if len(judged) > 1 else "")))
        for file in judged
    ]


def _names(file: Judged, before: str) -> Iterable[tuple[str, str]]:
    for claim, given in file.verdicts.items():
        untested = 0
        for verdict in given:
            if verdict.test is None:
                untested += 1
                yield claim, f"{before}{claim}: not testable{f' {untested}' if untested > 1 else ''}"
            else:
                other = verdict.test.other.name if verdict.test.other else "its bound"
                yield claim, f"{before}{claim}: {verdict.test.arm.name} against {other}"


def _rows(evidence: Evidence, file: Judged, names: Sequence[tuple[str, str]], whole: Trace) -> Iterable[Row]:
    family: dict[str, frozenset[int]] = {}
    for name, given in file.verdicts.items():
        for verdict in given:
            if verdict.test is not None:
                for stream, runs in _trace(evidence, file, name, verdict.test).reads.items():
                    family[stream] = family.get(stream, frozenset()) | runs
    compared = [line.compared for line in file.lines]
    found = [verdict for given in file.verdicts.values() for verdict in given]
    for (name, row), verdict, words in zip(names, found, compared, strict=True):
        claim = file.claims.claims[name]
        first = Cell(name, {"claim": name, "statement": claim.says})
        if verdict.test is None:
            yield Row(file.name, (first, *_untested(verdict, claim, whole)), row)
        else:
            own = _trace(evidence, file, name, verdict.test)
            yield Row(file.name, (first, *_tested(verdict, claim, words, own, family)), row)


def _untested(verdict: Verdict, claim: Claim, whole: Trace) -> tuple[Cell, ...]:
    return (
        Cell(verdict.word, {"verdict": verdict.word}, trace=whole),
        Cell("–", {"compared": None, "arm": None, "against": None, "measure": claim.measure}),
        Cell("–", {"effect": None, "low": None, "high": None, "unit": _unit(claim)}),
        Cell("–", {"p": None}),
        Cell("–", {"p_holm": None}),
        Cell("–", {"n": None, "test": None}),
        _smallest(claim),
        Cell("–", {"seeds_needed": None}),
        Cell(verdict.why, {"reason": verdict.why}, trace=whole),
    )


def _tested(
    verdict: Verdict, claim: Claim, words: str, own: Trace, family: dict[str, frozenset[int]]
) -> tuple[Cell, ...]:
    test = verdict.test
    assert test is not None, "of those that could be tested"
    shared, scale = replace(own, decides=family, rule=HOLM), _scale(claim)
    effect, low, high = (scale * value for value in (test.effect, test.low, test.high))
    sides = {"arm": test.arm.name, "against": None if test.other is None else test.other.name}
    seeds = "–" if verdict.seeds is None else str(verdict.seeds)
    return (
        Cell(verdict.word, {"verdict": verdict.word}, trace=shared),
        Cell(words, {"compared": words, **sides, "measure": claim.measure}),
        Cell(
            f"{effect:+.3g} [{low:+.3g}, {high:+.3g}]",
            {"effect": effect, "low": low, "high": high, "unit": _unit(claim)},
            trace=own,
        ),
        Cell(p_text(test.p), {"p": test.p}, trace=own),
        Cell(p_text(verdict.p_holm), {"p_holm": verdict.p_holm}, trace=shared),
        Cell(str(test.n), {"n": test.n, "test": test.test}, trace=own),
        _smallest(claim),
        Cell(seeds, {"seeds_needed": verdict.seeds}, trace=shared),
        Cell(verdict.why, {"reason": verdict.why}, trace=shared),
    )


def _smallest(claim: Claim) -> Cell:
    size = _scale(claim) * claim.smallest_effect
    return Cell(f"{size:g}", {"smallest_effect": size})


def _unit(claim: Claim) -> str:
    return "points" if MEASURES[claim.measure].percent else "its own"


def _scale(claim: Claim) -> float:
    return 100.0 if MEASURES[claim.measure].percent else 1.0


def _trace(evidence: Evidence, file: Judged, name: str, test: Finding) -> Trace:
    """Of both sides of a test, with each run's own value."""
    claim = file.claims.claims[name]
    runs = _runs(evidence, test)
    known = MEASURES[claim.measure].values(evidence)
    if claim.measure == COLLAPSED:
        known = _collapsed(evidence, test)
        runs |= {run for base in evidence.study.with_role("base") for run in evidence.counted(base)}
    values = {run: known[run] for run in runs if run in known}
    formula = (
        f"{name} of {file.name} (sha256 {file.sha256[:12]}): {test.test} test on {claim.measure} of "
        f"{' and '.join(side.name for side in (test.arm, test.other) if side is not None)}, {claim.direction} claimed"
    )
    return trace(formula, _streams(evidence, claim), runs, values, _scale(claim))


def _collapsed(evidence: Evidence, test: Finding) -> dict[int, float]:
    """1 for a run that collapsed."""
    floor = base_level(evidence)
    found: dict[int, float] = {}
    for side in (test.arm, test.other):
        if side is not None:
            of_seed = collapsed_runs(evidence, side, floor)
            found |= {r: float(of_seed[int(evidence.runs.at[r, "seed"])]) for r in evidence.counted(side)}
    return found


def _runs(evidence: Evidence, test: Finding) -> set[int]:
    return {run for side in (test.arm, test.other) if side is not None for run in evidence.counted(side)}


def _streams(evidence: Evidence, claim: Claim) -> tuple[str, ...]:
    primary = ResultTraces(evidence, evidence.study.mode, evidence.study.temperature).stream
    if claim.measure == COLLAPSED:
        return (primary, RECORD)
    return (primary,) if claim.measure == SCORE else MEASURES[claim.measure].streams
