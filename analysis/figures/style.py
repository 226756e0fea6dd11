"""The shared style of all figures: paper widths, colors and markers that survive gray print, reproducible
files.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.logs.manifest import Study
from sspo.config import RULES

matplotlib.use("Agg")

COLUMN, TEXT = 3.3, 6.75
"""Inches: one column and both columns of a two-column paper. Files have these widths so that text keeps its
size in the paper.
"""
SMALLEST = 7.0
"""Points of the smallest text."""
STEPS = (1, 2, 2.5, 5, 10)
"""Steps between ticks, times a power of ten."""
FAINT, MUTED = "#bbbbbb", "#666666"
HIGHEST = 1.6
"""The upper end of a symmetric log axis, as a multiple of the highest value."""

TILES = matplotlib.colormaps["cividis"]
"""Even steps of lightness, the same for color-blind readers, readable in gray and on a dark page."""
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
COLORS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9",
    "#332288", "#B06BE0", "#882255", "#2F9E9E", "#7A3E00", "#6B6B00",
)  # fmt: skip
"""Colors of the arms of one reference, dark and light in turn, starting with those of Okabe and Ito."""
DASHES: tuple[Any, ...] = (
    (0, (5, 1.2)),
    (0, (1.2, 1)),
    (0, (4, 1, 1, 1)),
    (0, (7, 2)),
    (0, (2, 1, 1, 1, 1, 1)),
    (0, (9, 1, 2, 1)),
)
"""None is solid: solid lines are references."""
MARKERS = ("^", "D", "v", "P", "X", "<", ">", "h")

RC: dict[str, Any] = {
    "font.family": ["STIXGeneral", "DejaVu Sans"],
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.4,
    "axes.axisbelow": True,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "axes.titlesize": 7.5,
    "axes.titlepad": 3,
    "figure.titlesize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class ArmStyle:
    """The style of one arm, the same in every figure."""

    color: str
    dash: Any
    marker: str


GRAYS = {
    "no_clip": ArmStyle("#555555", (0, (5, 1.2)), "s"),
    "aa": ArmStyle(MUTED, (0, (1, 1.5)), "x"),
    "base": ArmStyle(MUTED, (0, (1, 1.5)), "x"),
}


REFERENCE_MARKERS = ("o", "D", "s", "^")


def looks(study: Study) -> dict[str, ArmStyle]:
    """Return each arm's style: references black and solid; no clip, base and A/A gray; the others by their
    order among the arms of one reference, so that the n-th arm of every reference has the same color.
    """
    chosen = {arm.name: GRAYS[arm.role] for arm in study.arms if arm.role in GRAYS}
    references = study.references()
    for group, reference in enumerate(references):
        chosen[reference.name] = ArmStyle("#000000", "-", REFERENCE_MARKERS[group % len(REFERENCE_MARKERS)])
        mine = [
            a for a in study.with_role("arm") if a not in references and study.reference_of(a) == reference
        ]
        for i, arm in enumerate(mine):
            chosen[arm.name] = ArmStyle(
                COLORS[i % len(COLORS)],
                DASHES[(i + group) % len(DASHES)],
                MARKERS[(i + group * len(MARKERS) // 2) % len(MARKERS)],
            )
    return chosen


RULE_DASHES = (*DASHES, "-")
RULE_LOOKS = {
    "token": ArmStyle("#000000", "-", "o"),
    "subsentence": ArmStyle(OKABE_ITO[0], DASHES[0], "^"),
    "sentence": ArmStyle(OKABE_ITO[2], DASHES[2], "v"),
    "response": ArmStyle(OKABE_ITO[1], DASHES[3], "D"),
    "line": ArmStyle(OKABE_ITO[5], DASHES[4], "<"),
    "step": ArmStyle(OKABE_ITO[4], DASHES[1], ">"),
    "entropy_peak": ArmStyle(OKABE_ITO[2], DASHES[5], "h"),
    "entropy_group": ArmStyle(OKABE_ITO[4], DASHES[2], "h"),
    "turn": ArmStyle(OKABE_ITO[1], DASHES[4], ">"),
    "regex": ArmStyle(OKABE_ITO[5], DASHES[0], "X"),
    "fixed": ArmStyle(OKABE_ITO[3], DASHES[4], "P"),
    "random": ArmStyle("#777777", DASHES[1], "s"),
}
"""From the finest ratio, GRPO's, to the coarsest, GSPO's; then further rules, and the controls."""
OTHER_LOOKS = [
    look
    for look in (ArmStyle(color, DASHES[2], marker) for marker in MARKERS for color in OKABE_ITO)
    if (look.color, look.marker) not in {(own.color, own.marker) for own in RULE_LOOKS.values()}
]
"""Styles of rules that have none of their own, in the order of their names."""
OTHER_RULE = ArmStyle(OKABE_ITO[4], DASHES[5], "X")


def rule_look(rule: str, turn: int = 0) -> ArmStyle:
    """Return a segmentation rule's style, the same in every study, `fixed 8` like `fixed`; `turn`
    distinguishes objectives if there are several, and rules with one style.
    """
    look, markers = _base_look(first_word(rule)), ("o", "s", *MARKERS)
    dash, marker = RULE_DASHES.index(look.dash) + turn, markers.index(look.marker) + turn
    return ArmStyle(look.color, RULE_DASHES[dash % len(RULE_DASHES)], markers[marker % len(markers)])


def _base_look(name: str) -> ArmStyle:
    """Return the style of a rule itself: its own, or the next free one for a built-in rule without one."""
    unlisted = [rule for rule in RULES if rule not in RULE_LOOKS]
    if name in unlisted:
        return OTHER_LOOKS[unlisted.index(name) % len(OTHER_LOOKS)]
    return RULE_LOOKS.get(name, OTHER_RULE)


def first_word(rule: str) -> str:
    """Return the rule's name from its label, which may continue with options."""
    return rule.partition(" ")[0]


def run_lines(ax: Any, x: NDArray[Any], y: NDArray[np.float64], look: ArmStyle) -> None:
    """Draw runs (columns of y) as thin lines behind their mean, as a single path: a tenth of the file size."""
    gap = np.full((1, y.shape[1]), np.nan)
    ax.plot(
        np.tile(np.append(x, np.nan), y.shape[1]),
        np.vstack([y, gap]).T.ravel(),
        color=look.color,
        linewidth=0.4,
        alpha=0.45,
        zorder=1,
    )


def grid(
    columns: int,
    rows: int,
    size: tuple[float, float],
    *,
    left: float = 0.5,
    right: float = 0.08,
    top: float = 0.3,
    below: float = 0.4,
    gap: float = 0.34,
    share_x: bool = True,
    share_y: Literal["row", "all", "none"] = "row",
) -> tuple[Figure, Any]:
    """Return a figure of `rows` x `columns` axes: its width and the height of a row, and room around and
    between rows, in inches.
    """
    width, row = size
    height = top + below + rows * row + (rows - 1) * gap
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, sharex=share_x, sharey=share_y, squeeze=False)
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=below / height,
        wspace=0.1,
        hspace=gap / row,
    )
    return figure, axes


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write name.pdf and name.png (200 dpi); the bytes depend only on the drawing."""
    metadata: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    for kind, fields in metadata.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=200, metadata=fields)
        (folder / f"{name}.{kind}").write_bytes(buffer.getvalue())


def percent_ticks(axis: Any, values: Sequence[float]) -> None:
    """Set ticks in percent on a symmetric log axis, which has a place for 0 and separates 0.01 to 100 %."""
    highest = HIGHEST * max([0.01, *values])
    ticks = [t for t in (0.0, 0.01, 0.1, 1.0, 10.0, 100.0) if t <= highest]
    axis.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
    axis.axes.set(**{f"{axis.axis_name}lim": (-0.003, highest)})
    axis.set_minor_locator(matplotlib.ticker.NullLocator())
