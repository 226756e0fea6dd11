"""Figures as files: which process draws which, and under which caption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

from analysis.figures.background import begin
from analysis.figures.catalogue import CURVES
from analysis.figures.figure import Shown
from analysis.figures.style import RC, save

KINDS = ("pdf", "png")


@dataclass(frozen=True)
class Drawn:
    """A figure that was written as name.pdf and name.png."""

    name: str
    caption: str
    """What it shows, in at most 40 words."""
    notes: tuple[str, ...] = ()
    """How to read it, beyond the caption: folded on the page."""


def begin_figures(shown: Sequence[Shown], folder: Path) -> Callable[[], list[Drawn]]:
    """Start to draw and write every figure that has data, curves in a second process; return a function that
    finishes.

    Files of figures without data, left by an earlier report, are removed.
    """
    heavy = [one for one in shown if one.figure in CURVES]
    light = [one for one in shown if one.figure not in CURVES]
    finish = begin(lambda: draw_figures(heavy, folder))

    def end() -> list[Drawn]:
        drawn = {figure.name: figure for figure in (*draw_figures(light, folder), *finish())}
        return [drawn[one.figure.name] for one in shown if one.figure.name in drawn]

    return end


def draw_figures(shown: Iterable[Shown], folder: Path, notes: Iterable[str] = ()) -> list[Drawn]:
    """Draw and write figures now; `notes` follow those of every figure."""
    with matplotlib.rc_context(RC):
        return [
            Drawn(one.figure.name, f"{one.caption()}.", (*one.notes(), *notes))
            for one in shown
            if _write(one, folder)
        ]


def _write(shown: Shown, folder: Path) -> bool:
    """Write the figure's files, or remove them if there is nothing to show."""
    name, printed = shown.figure.name, shown.printed()
    if printed is None:
        for kind in KINDS:
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
        return False
    save(printed, folder, name)
    return True
