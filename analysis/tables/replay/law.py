"""The table of the law of entropy: how squared log-ratios grow with entropy, and which bound shape fits that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from analysis.evidence.replay import Replay
from analysis.logs.replay_summary import Estimate, Law, LawOfRule
from analysis.logs.trace import REPLAY_SUMMARY, Trace, trace
from analysis.tables.replay import captions
from analysis.text.numbers import estimate
from analysis.text.rounding import rounded
from analysis.text.table import EMPTY, Cell, Row, Table
from sspo.metrics.law import excess, fitting

SHOWN = {
    "b": "exponent",
    "c": "length_exponent",
    "curvature": "curvature",
    "slope": "slope",
    "R²": "r2",
}
"""Title to the name of an estimate."""
EXCESS = {"fixed": "fixed", "√H": "sqrt", "∝ H": "linear", "free b": "free"}
"""Title to the model whose held-out deviance is shown."""
COLUMNS = ("rule", "units", "low H %", *SHOWN, *EXCESS, "fits")
WITH_INTERVAL = ("b", "c", "curvature")
IN_DATA = ("exponent_absolute", "exponent_active", "exponent_offset", "intercept")
"""Estimates that only the data file has."""
FORMULA = "E[D² | H, n] = a H^b n^-c"


def law_table(replayed: Replay, notes: Iterable[str] = ()) -> Table | None:
    """Return one row per rule; None if the replay did not ask for the law. `notes` are added to its own."""
    law = replayed.summary.law
    if law is None:
        return None
    return Table(
        "law",
        (
            "How the squared log-ratio D² of a segment grows with its entropy H: exponent b of a power law by rule (1 by ESTR, "
            "arXiv 2607.22186), and held-out deviance of bound shapes.",
        ),
        COLUMNS,
        tuple(_row(replayed, law, row) for row in law.rules),
        title="The law of entropy",
        notes=_notes(replayed, law, notes),
        meanings=_meanings(law),
        qualifiers=dict.fromkeys(WITH_INTERVAL, f"95 % CI over {law.unit}s"),
    )


def _row(replayed: Replay, law: Law, row: LawOfRule) -> Row:
    source = _trace(replayed, law, row)
    cells = (
        Cell(row.rule, {"rule": row.rule, **_aside(row)}),
        Cell(str(row.units), {"units": row.units}),
        Cell(rounded(100 * row.below, ".3g"), {"low_entropy": 100 * row.below}),
        *(_estimate(title, row.estimates[name]) for title, name in SHOWN.items()),
        *_excess(row),
        _fits(row),
    )
    return Row("law", tuple(replace(cell, trace=source) for cell in cells), name=row.rule)


def _aside(row: LawOfRule) -> dict[str, float | None]:
    """Return the numbers that only the data file has."""
    shown: dict[str, float | None] = {"low_entropy_squares": 100 * row.below_squares}
    for name in IN_DATA:
        shown |= _numbers(name, row.estimates[name])
    return shown


def _numbers(name: str, found: Estimate) -> dict[str, float | None]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _estimate(title: str, found: Estimate) -> Cell:
    name = SHOWN[title]
    if title not in WITH_INTERVAL:
        return Cell(EMPTY if found.value is None else rounded(found.value, ".2g"), {name: found.value})
    text = EMPTY if found.value is None else estimate(found.value, found.low, found.high)
    return Cell(text, _numbers(name, found))


def _excess(row: LawOfRule) -> list[Cell]:
    """Return by how much each shape's held-out deviance per segment is above the lowest of the row."""
    above = excess({name: found.value for name, found in row.gain.items()})
    shown = ((name, above[name]) for name in EXCESS.values())
    return [
        Cell(EMPTY if value is None else rounded(value, ".2g"), {f"excess_{name}": value})
        for name, value in shown
    ]


def _fits(row: LawOfRule) -> Cell:
    fits = fitting(row.plausible)
    text = ", ".join(title for title, name in EXCESS.items() if name in fits) or EMPTY
    return Cell(text, {"fits": " ".join(row.plausible)})


def _trace(replayed: Replay, law: Law, row: LawOfRule) -> Trace:
    first = replayed.first_run
    values = {first + one.run: one.exponent for one in row.runs if one.exponent is not None}
    formula = (
        f"{FORMULA} at H >= {law.floor:g} nats on recorded rollouts cut by {row.rule}, a free for every optimizer step; "
        f"means and intervals over {law.unit}s; a run's value is its own exponent b"
    )
    return trace(formula, [REPLAY_SUMMARY], [first + one.run for one in row.runs], values)


def _meanings(law: Law) -> dict[str, str]:
    half = f"every other {law.unit}, scored on those between"
    return {
        "units": "Segments of all runs, at every visit from the second update of a rollout on; tokens under rule token.",
        "low H %": f"Share of units with H below {law.floor:g} nats, which no exponent uses.",
        "b": f"{FORMULA} at H ≥ {law.floor:g} nats, a free for every optimizer step: 1 is ESTR's law, 0 a fixed bound, 2 a bound in proportion to H.",
        "c": "1 if the log-ratios of a segment's tokens are independent, 0 if they are equal.",
        "curvature": "Coefficient of (log H)² beside log H: other than 0, no single exponent describes D².",
        "slope": "Least-squares line of D² on H over all units, with an intercept; nats² per nat.",
        "R²": "Of that line.",
        "fixed": f"Mean of log m + D²/m above the lowest of the row, per segment, with m the mean under a bound that ignores entropy (b = 0): parameters from {half}.",
        "√H": "The same under a bound in proportion to √H (b = 1).",
        "∝ H": "The same under a bound in proportion to H (b = 2).",
        "free b": "The same under the fitted exponent.",
        "fits": f"The bound with the lowest deviance, and those over which the 95 % interval of its lead (over {law.unit}s) includes 0; "
        f"{EMPTY} if these are all three.",
    }


def _notes(replayed: Replay, law: Law, notes: Iterable[str]) -> tuple[str, ...]:
    one = (
        "One run: intervals are over its recorded rollouts and say nothing about other seeds."
        if law.unit == "rollout"
        else ""
    )
    sentences = (
        law.verdict,
        one,
        captions.unfinished(replayed),
        f"Replayed: {captions.replayed_runs(replayed)}.",
        "The log-ratios are those of the recorded runs, whose own clip shaped them.",
        captions.fidelity(replayed),
        *notes,
    )
    return tuple(sentence for sentence in sentences if sentence)
