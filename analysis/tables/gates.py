"""Gates as data: one row per gate, written as gates.csv beside the files of the tables."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.checks.gates import Gate
from analysis.logs.trace import Trace
from analysis.text.table import Cell, Row, Table

NAME = "gates"


def gates_table(gates: Sequence[Gate], whole: Trace) -> Table:
    """Return every gate in order; `whole` is the trace of the section, as gates cover all runs at once."""
    rows = tuple(
        Row(
            "",
            (
                Cell(gate.name, {"gate": gate.name}),
                Cell(gate.verdict, {"verdict": gate.verdict}, trace=whole),
                Cell(gate.evidence, {"evidence": gate.evidence}, trace=whole),
            ),
        )
        for gate in gates
    )
    return Table(
        NAME,
        ("What must hold before the study's comparisons mean anything.",),
        ("gate", "verdict", "evidence"),
        rows,
    )
