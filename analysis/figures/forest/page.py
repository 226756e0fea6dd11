"""The forest of differences for the page."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.figures.forest.rows import Forest, interval_text
from analysis.figures.model import Axis, Chart, ForestPlot, ForestRow, Numbers
from analysis.figures.style import looks


def chart(evidence: Evidence, found: Forest, name: str) -> Chart:
    """Return the same rows as a chart; its table has their numbers."""
    unit, style = evidence.unit, looks(evidence.study)
    low, high = found.limits
    rows, numbers = [], []
    for row in found.rows:
        label, text = row.arm.label, interval_text(row, unit)
        against = f"vs {row.reference.label}" if found.several else ""
        rows.append(
            ForestRow(
                label=label,
                against=against,
                look=style[row.arm.name],
                x=row.difference,
                low=row.low,
                high=row.high,
                runs=row.runs,
                beyond=unit.signed(row.difference / unit.factor),
                words=row.words,
                says=f"{label}: {text}; {row.words}; {row.n} run{'' if row.n == 1 else 's'}",
            )
        )
        numbers.append(
            [label, *([row.reference.label] if found.several else []), text, row.words, str(row.n)]
        )
    heads = ["arm", *(["against"] if found.several else []), "difference [interval]", "finding", "runs"]
    title = found.label[:1].upper() + found.label[1:]
    forest = ForestPlot(
        rows=rows,
        axis=Axis(label=found.label, low=low, high=high),
        matters=found.matters,
        band=found.band,
        head="p adjusted by Holm" if found.tested else "",
    )
    table = Numbers(title=title, heads=[(head, None) for head in heads], rows=numbers)
    return Chart(name=name, series=[], panels=[], tables=[table], rows=forest)
