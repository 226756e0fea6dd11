"""`sspo objectives`: the named objectives with their papers, or one of them with its formula."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence

from sspo.config import ObjectiveConfig
from sspo.config.choices import TERMS
from sspo.config.plugins.table import names_of
from sspo.console.command_line import Parser
from sspo.console.one_sentence import one_sentence
from sspo.errors import unknown
from sspo.objective.notes import FORMULAS, FRAMEWORKS, ORIGINS
from sspo.objective.page import bounds_text
from sspo.objective.variants import HOUSE_VARIANTS, VARIANTS

COLUMNS = ("name", "paper", "ratio", "term", "aggregation", "clip low / high")
WIDTH = 100


def main() -> int:
    """Print the table, or one objective. Returns 0."""
    parser = Parser(prog="python -m sspo.console.objectives", description="List the named objectives.")
    parser.add_argument("name", metavar="NAME", nargs="?", help="one of them, with its formula")
    name = parser.parse_args().name
    if name is None:
        print("\n".join([*table_lines(list(VARIANTS.values())), "", *_notes()]))
        return 0
    if name not in VARIANTS:
        raise unknown("objective", name, names_of("objective", HOUSE_VARIANTS))
    print("\n".join(described(VARIANTS[name])))
    return 0


def _notes() -> Iterator[str]:
    own = [name for name in names_of("objective", HOUSE_VARIANTS) if name not in HOUSE_VARIANTS]
    if own:
        yield f"From installed packages: {', '.join(own)}."
    yield "NAME after the command prints the formula; `objective=NAME` trains with it."


def _clip(objective: ObjectiveConfig) -> str:
    """Return the clip of an objective, also of one whose term is not the house's."""
    if objective.term in TERMS:
        return bounds_text(objective)
    return f"{objective.clip.low:g} / {objective.clip.high:g}"


def table_lines(rows: Sequence[ObjectiveConfig]) -> list[str]:
    """Return an aligned table of objectives, one per line."""
    cells = [COLUMNS, *((v.name, v.paper, v.ratio, v.term, v.aggregation, _clip(v)) for v in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def described(objective: ObjectiveConfig) -> Iterator[str]:
    """Yield the lines that describe one objective."""
    yield f"{objective.name}, arXiv {objective.paper}" if objective.paper else objective.name
    for key in ("advantage", "ratio", "term", "aggregation"):
        yield f"  {key:<12}{getattr(objective, key)}"
    yield f"  {'clip':<12}{_clip(objective)}"
    for head, notes in (("formula", FORMULAS), ("constants", ORIGINS), ("elsewhere", FRAMEWORKS)):
        if objective.name in notes:
            text = textwrap.wrap(notes[objective.name], WIDTH - 14)
            yield f"  {head:<12}{text[0]}"
            yield from (f"  {'':<12}{line}" for line in text[1:])


if __name__ == "__main__":
    sys.exit(one_sentence(main))
