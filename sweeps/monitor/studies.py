"""`sweeps studies`: the studies in `conf/study/` of this folder and of the project, with their size, reports and questions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from sspo.config.places import conf_roots
from sspo.errors import UserError
from sweeps.study.load import load, study_names
from sweeps.study.spec import DEFAULT_PRESET, PAPER_PRESET, PRESETS

COLUMNS = ("name", "arms", "presets", "report", "question")
WIDTH = 120
"""Columns of the table if the output is not a terminal."""
LEAST_QUESTION = 24
ELLIPSIS = "..."


def show_studies(reports: Path, console: Console) -> int:
    """Print one line per study, those of the user first. Returns 0."""
    rows = [COLUMNS, *(_row(folder, name, reports) for folder, name in _studies())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS) - 1)]
    total = min(console.width, WIDTH) if console.is_terminal else WIDTH
    room = max(total - sum(widths) - 2 * len(widths), LEAST_QUESTION)
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        console.print(Text("  ".join([*cells, _cut(row[-1], room)]).rstrip()), soft_wrap=True)
    return 0


def _studies() -> Iterator[tuple[Path, str]]:
    """Yield every study with its folder; of two with the same name, the one that commands use."""
    seen: set[str] = set()
    for folder in (root / "study" for root in conf_roots()):
        for name in study_names(folder):
            if name not in seen:
                seen.add(name)
                yield folder, name


def _row(folder: Path, name: str, reports: Path) -> tuple[str, ...]:
    report = _reported(name, reports)
    try:
        study = load(folder, name)
    except UserError as error:
        return name, "-", "-", report, f"refused: {error}"
    presets = " ".join(preset for preset in PRESETS if preset in study.presets)
    return (
        name,
        str(len(study.arms)),
        presets,
        report,
        " ".join((study.head.question or study.head.title).split()),
    )


def _reported(name: str, reports: Path) -> str:
    """Return the preset of the strongest report of a study; "-" if there is none."""
    for preset in (PAPER_PRESET, DEFAULT_PRESET, *PRESETS):
        folder = reports / (name if preset == PAPER_PRESET else f"{name}.{preset}")
        if (folder / "index.html").is_file() or (folder / "index.md").is_file():
            return preset
    return "-"


def _cut(text: str, width: int) -> str:
    """Return the text, or as many of its first words as fit."""
    if len(text) <= width:
        return text
    return text[: width - len(ELLIPSIS)].rsplit(" ", 1)[0] + ELLIPSIS
