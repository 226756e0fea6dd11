"""Verdicts as data: a row a comparison, written as verdicts.csv beside the files of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from analysis.claims.measures import COLLAPSED, MEASURES, SCORE
from analysis.claims.section import Judged, compared
from analysis.claims.spec import Claim
from analysis.claims.verdict import Verdict
from analysis.evidence.collapse import base_level, collapsed_runs
from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import ResultTraces
from analysis.logs.manifest import Arm
from analysis.logs.trace import RECORD, Trace, trace
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table

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
    """By file, the claim of every verdict in order, and what its row is called, whatever the verdict: the claim with the
    arms' names, the claim alone where it finds no arms; the file before it where there are several."""
    return [
        (file, list(_names(file, f"{file.name.removesuffix('.yaml')}/" if len(judged) > 1 else "")))
        for file in judged
    ]


def _names(file: Judged, before: str) -> Iterable[tuple[str, str]]:
    for claim, given in file.verdicts.items():
        for verdict in given:
            other = verdict.other.name if verdict.other else "its bound"
            sides = f": {verdict.arm.name} against {other}" if verdict.arm else ""
            yield claim, f"{before}{claim}{sides}"


def _rows(evidence: Evidence, file: Judged, names: Sequence[tuple[str, str]], whole: Trace) -> Iterable[Row]:
    found = [verdict for given in file.verdicts.values() for verdict in given]
    own = [
        _trace(evidence, file, name, verdict) if verdict.arm else whole
        for (name, _), verdict in zip(names, found, strict=True)
    ]
    family: dict[str, frozenset[int]] = {}
    for verdict, mine in zip(found, own, strict=True):
        for stream, runs in mine.reads.items() if verdict.arm else ():
            family[stream] = family.get(stream, frozenset()) | runs
    for (name, row), verdict, mine in zip(names, found, own, strict=True):
        claim = file.claims.claims[name]
        words = compared(evidence, claim, verdict)
        first = Cell(name, {"claim": name, "statement": claim.says})
        shared = replace(mine, decides=family, rule=HOLM) if verdict.arm else whole
        make = _untested if verdict.test is None else _tested
        yield Row(file.name, (first, *make(verdict, claim, words, mine, shared)), row)


def _untested(verdict: Verdict, claim: Claim, words: str, own: Trace, shared: Trace) -> tuple[Cell, ...]:
    """Dashes have a trace where arms are known: other numbers would make a test of them."""
    may_change = own if verdict.arm else None
    return (
        Cell(verdict.word, {"verdict": verdict.word}, trace=shared),
        _compared(verdict, claim, words),
        Cell("–", {"effect": None, "low": None, "high": None, "unit": _unit(claim)}, trace=may_change),
        Cell("–", {"p": None}, trace=may_change),
        Cell("–", {"p_holm": None}, trace=may_change),
        Cell("–", {"n": None, "test": None}, trace=may_change),
        _smallest(claim),
        Cell("–", {"seeds_needed": None}, trace=may_change),
        Cell(verdict.why, {"reason": verdict.why}, trace=shared),
    )


def _tested(verdict: Verdict, claim: Claim, words: str, own: Trace, shared: Trace) -> tuple[Cell, ...]:
    test, scale = verdict.test, _scale(claim)
    assert test is not None, "of those that could be tested"
    effect, low, high = (scale * value for value in (test.effect, test.low, test.high))
    seeds = "–" if verdict.seeds is None else str(verdict.seeds)
    return (
        Cell(verdict.word, {"verdict": verdict.word}, trace=shared),
        _compared(verdict, claim, words),
        Cell(
            f"{rounded(effect, '+.3g')} [{rounded(low, '+.3g')}, {rounded(high, '+.3g')}]",
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


def _compared(verdict: Verdict, claim: Claim, words: str) -> Cell:
    arm, other = (side.name if side else None for side in (verdict.arm, verdict.other))
    data = {"compared": words or None, "arm": arm, "against": other, "measure": claim.measure}
    return Cell(words or "–", data)


def _smallest(claim: Claim) -> Cell:
    size = _scale(claim) * claim.smallest_effect
    return Cell(f"{size:g}", {"smallest_effect": size})


def _unit(claim: Claim) -> str:
    return "points" if MEASURES[claim.measure].percent else "its own"


def _scale(claim: Claim) -> float:
    return 100.0 if MEASURES[claim.measure].percent else 1.0


def _trace(evidence: Evidence, file: Judged, name: str, verdict: Verdict) -> Trace:
    """Of both sides of a comparison, with each run's own value."""
    claim = file.claims.claims[name]
    sides = [side for side in (verdict.arm, verdict.other) if side is not None]
    runs = {run for side in sides for run in evidence.counted(side)}
    known = MEASURES[claim.measure].values(evidence)
    if claim.measure == COLLAPSED:
        known = _collapsed(evidence, sides)
        runs |= {run for base in evidence.study.with_role("base") for run in evidence.counted(base)}
    values = {run: known[run] for run in runs if run in known}
    test = f"{verdict.test.test} test" if verdict.test else "a test (not possible here)"
    formula = (
        f"{name} of {file.name} (sha256 {file.sha256[:12]}): {test} on {claim.measure} of "
        f"{' and '.join(side.name for side in sides)}, {claim.direction} claimed"
    )
    return trace(formula, _streams(evidence, claim), runs, values, _scale(claim))


def _collapsed(evidence: Evidence, sides: Iterable[Arm]) -> dict[int, float]:
    """1 for a run that collapsed."""
    floor = base_level(evidence)
    found: dict[int, float] = {}
    for side in sides:
        of_seed = collapsed_runs(evidence, side, floor)
        found |= {r: float(of_seed[int(evidence.runs.at[r, "seed"])]) for r in evidence.counted(side)}
    return found


def _streams(evidence: Evidence, claim: Claim) -> tuple[str, ...]:
    primary = ResultTraces(evidence, evidence.study.mode, evidence.study.temperature).stream
    if claim.measure == COLLAPSED:
        return (primary, RECORD)
    return (primary,) if claim.measure == SCORE else MEASURES[claim.measure].streams
