"""Verdicts as data: one row per claim and one per comparison of it, written as verdicts.csv beside the files of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from analysis.claims.measures import COLLAPSED, MEASURES, SCORE
from analysis.claims.section import Judged, compared
from analysis.claims.spec import Claim
from analysis.claims.verdict import Part, Verdict
from analysis.evidence.collapse import base_level, collapsed_runs
from analysis.evidence.evidence import Evidence
from analysis.evidence.result_traces import ResultTraces
from analysis.logs.manifest import Arm
from analysis.logs.trace import RECORD, Trace, trace
from analysis.statistics import Comparison
from analysis.text.numbers import p_text
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table

NAME = "verdicts"
COLUMNS = (
    "claim",
    "verdict",
    "compared",
    "effect",
    "differ p",
    "n",
    "smallest effect",
    "seeds needed",
    "reason",
)
SHARED = "the error rate is shared by all claims that could be tested"
NOTHING = "–"


def verdict_table(evidence: Evidence, judged: Sequence[Judged], whole: Trace) -> Table | None:
    """Return a table with one row per claim and one per comparison; None without claims. `whole` is the trace of claims without arms."""
    rows = [row for file, names in row_names(judged) for row in _rows(evidence, file, names, whole)]
    caption = (
        "Effects count in the claim's direction, with intervals adjusted over the claims; effects of shares are in points.",
    )
    return Table(NAME, caption, COLUMNS, tuple(rows)) if rows else None


Named = tuple[str, Part | None, str]
"""A claim, its comparison (None for the claim itself) and the name of the row."""


def row_names(judged: Sequence[Judged]) -> list[tuple[Judged, list[Named]]]:
    """Return the rows of every file, whatever the verdict: a claim, then its comparisons by the arms' names. If there are several
    files, names begin with the file."""
    return [
        (file, list(_names(file, f"{file.name.removesuffix('.yaml')}/" if len(judged) > 1 else "")))
        for file in judged
    ]


def _names(file: Judged, before: str) -> Iterable[Named]:
    for claim, verdict in file.verdicts.items():
        yield claim, None, f"{before}{claim}"
        for part in verdict.parts:
            other = part.other.name if part.other else "its bound"
            yield claim, part, f"{before}{claim}: {part.arm.name} against {other}"


def _rows(evidence: Evidence, file: Judged, names: Sequence[Named], whole: Trace) -> Iterable[Row]:
    own = {
        name: _trace(evidence, file, name, verdict.parts) if verdict.parts else whole
        for name, verdict in file.verdicts.items()
    }
    family: dict[str, frozenset[int]] = {}
    for name, verdict in file.verdicts.items():
        for stream, runs in own[name].reads.items() if verdict.parts else ():
            family[stream] = family.get(stream, frozenset()) | runs
    for name, part, row in names:
        claim, verdict = file.claims.claims[name], file.verdicts[name]
        first = Cell(name, {"claim": name, "statement": claim.says, "state": file.states[name]})
        mine = own[name] if part is None else _trace(evidence, file, name, (part,))
        shared = replace(mine, decides=family, rule=SHARED) if verdict.parts else whole
        if part is None:
            cells = _of_claim(verdict, claim, shared)
        else:
            cells = _of_part(part, claim, compared(evidence, claim, part), mine, shared)
        yield Row(file.name, (first, *cells), row)


def _of_claim(verdict: Verdict, claim: Claim, shared: Trace) -> tuple[Cell, ...]:
    found = verdict.judgment
    seeds = NOTHING if verdict.seeds is None else str(verdict.seeds)
    tested = sum(part.found is not None for part in verdict.parts)
    pooled = None if found is None else found.pooled
    differ = None if found is None else found.differ_p
    return (
        Cell(verdict.word, {"verdict": verdict.word}, trace=shared),
        Cell(
            NOTHING,
            {"compared": None, "arm": None, "against": None, "measure": claim.measure, "comparisons": tested},
            trace=shared,
        ),
        _effect(pooled, claim, shared),
        Cell(p_text(differ), {"differ_p": differ}, trace=shared),
        _runs(pooled, shared),
        _smallest(claim),
        Cell(seeds, {"seeds_needed": verdict.seeds}, trace=shared),
        Cell(verdict.why, {"reason": verdict.why}, trace=shared),
    )


def _of_part(part: Part, claim: Claim, words: str, own: Trace, shared: Trace) -> tuple[Cell, ...]:
    """Return the cells of a comparison. Dashes have a trace as well: other numbers would turn them into a comparison."""
    other = part.other.name if part.other else None
    return (
        Cell(NOTHING, {"verdict": None}),
        Cell(
            words,
            {
                "compared": words,
                "arm": part.arm.name,
                "against": other,
                "measure": claim.measure,
                "comparisons": None,
            },
        ),
        _effect(part.found, claim, shared),
        Cell(NOTHING, {"differ_p": None}),
        _runs(part.found, own),
        _smallest(claim),
        Cell(NOTHING, {"seeds_needed": None}),
        Cell(part.why or NOTHING, {"reason": part.why or None}, trace=own),
    )


def _effect(c: Comparison | None, claim: Claim, source: Trace) -> Cell:
    """Return the cell of the effect with its interval, which other claims widen."""
    if c is None:
        return Cell(NOTHING, {"effect": None, "low": None, "high": None, "unit": _unit(claim)}, trace=source)
    scale = _scale(claim)
    low, high = (None if v is None else scale * v for v in (c.low, c.high))
    text = rounded(scale * c.difference, "+.3g")
    if low is not None and high is not None:
        text += f" [{rounded(low, '+.3g')}, {rounded(high, '+.3g')}]"
    return Cell(
        text, {"effect": scale * c.difference, "low": low, "high": high, "unit": _unit(claim)}, trace=source
    )


def _runs(c: Comparison | None, source: Trace) -> Cell:
    if c is None:
        return Cell(NOTHING, {"n": None, "test": None}, trace=source)
    return Cell(str(c.n), {"n": c.n, "test": c.test}, trace=source)


def _smallest(claim: Claim) -> Cell:
    size = _scale(claim) * claim.smallest_effect
    return Cell(f"{size:g}", {"smallest_effect": size})


def _unit(claim: Claim) -> str:
    return "points" if MEASURES[claim.measure].percent else "its own"


def _scale(claim: Claim) -> float:
    return 100.0 if MEASURES[claim.measure].percent else 1.0


def _trace(evidence: Evidence, file: Judged, name: str, parts: Sequence[Part]) -> Trace:
    """Return the trace of both sides of every comparison, with each run's own value."""
    claim = file.claims.claims[name]
    sides = {side.name: side for part in parts for side in (part.arm, part.other) if side is not None}
    runs = {run for side in sides.values() for run in evidence.counted_of_cell(side)}
    known = MEASURES[claim.measure].values(evidence)
    if claim.measure == COLLAPSED:
        known = _collapsed(evidence, sides.values())
        runs |= {run for base in evidence.study.with_role("base") for run in evidence.counted(base)}
    values = {run: known[run] for run in runs if run in known}
    formula = (
        f"{name} of {file.name} (sha256 {file.sha256[:12]}): {claim.measure} of {' and '.join(sides)}, "
        f"{claim.direction} claimed"
    )
    return trace(formula, _streams(evidence, claim), runs, values, _scale(claim))


def _collapsed(evidence: Evidence, sides: Iterable[Arm]) -> dict[int, float]:
    """Return, by run, 1 if it collapsed and 0 otherwise."""
    floor = base_level(evidence)
    found: dict[int, float] = {}
    for side in sides:
        of_seed = collapsed_runs(evidence, side, floor)
        found |= {r: float(of_seed[int(evidence.runs.at[r, "seed"])]) for r in evidence.counted_of_cell(side)}
    return found


def _streams(evidence: Evidence, claim: Claim) -> tuple[str, ...]:
    primary = ResultTraces(evidence, evidence.study.mode, evidence.study.temperature).stream
    if claim.measure == COLLAPSED:
        return (primary, RECORD)
    return (primary,) if claim.measure == SCORE else MEASURES[claim.measure].streams
