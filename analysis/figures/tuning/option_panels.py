"""The panels of one option, in print and on the page: lines along a number, marks with intervals for choices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import TunedArm
from analysis.evidence.tuning_words import value_text
from analysis.figures.labels import LONGEST
from analysis.figures.model import FULL, LINEAR, LOG, Axis, Line, Mark, Numbers, Panel, Series, Slope, number
from analysis.figures.style import ArmStyle, looks
from analysis.figures.tuning.family import Floats, span
from analysis.figures.tuning.printed import along, band, upright
from analysis.statistics.tuning.sensitivity import Sensitivity
from analysis.statistics.tuning.space import Option, Value
from analysis.text.escape import plot
from analysis.text.rounding import rounded

THIN, THICK = 0.9, 2.4
"""Widths of a line, and of the part of it that is a plateau."""
BESIDE = 0.14
"""Distance between the marks of two arms at one choice."""
BEYOND = 0.03
"""Share of its range by which the axis of a number goes on at both ends, so that the marks there are whole."""
ROWS = 17
"""The most values of a number in a table."""


@dataclass(frozen=True)
class OptionCurves:
    """One option, and the curve along it of every arm that has it."""

    option: Option
    arms: list[tuple[TunedArm, Sensitivity]]

    def of(self, arms: Sequence[TunedArm]) -> list[tuple[TunedArm, Sensitivity]]:
        """Return the curves of some arms."""
        return [(one, curve) for one, curve in self.arms if one in arms]

    def has(self, one: TunedArm) -> bool:
        """Return whether an arm has the option at its chosen point."""
        return any(other is one for other, _ in self.arms)

    @property
    def axis(self) -> Axis:
        """Return the axis of its values: of places of choices, else of numbers."""
        option = self.option
        if not option.is_numeric:
            names = [value_text(choice) for choice in option.choices]
            return Axis(label=option.key, low=-0.5, high=len(names) - 0.5, names=names)
        low, high = option.low, max(option.high, option.low * 1.01, option.low + 1e-9)
        if option.log:
            beyond = (high / low) ** BEYOND
            return Axis(label=option.key, low=low / beyond, high=high * beyond, scale=LOG)
        beyond = BEYOND * (high - low)
        return Axis(label=option.key, low=low - beyond, high=high + beyond, scale=LINEAR)


def ends_of(found: Sequence[OptionCurves]) -> tuple[float, float]:
    """Return the ends of the axis of scores that all panels share, in percent."""
    curves = [curve for of in found for _, curve in of.arms]
    return span(
        [curve.mean for curve in curves], [curve.low for curve in curves], [curve.high for curve in curves]
    )


def places(option: Option, values: Sequence[Value]) -> list[float]:
    """Return where values lie on an option's axis."""
    if not option.is_numeric:
        return [float(option.choices.index(value)) for value in values]
    return [float(value) for value in values if isinstance(value, int | float)]


def shares(curve: Sensitivity) -> tuple[Floats, Floats]:
    """Return the ends of a curve's interval, cut to what a share can be."""
    return np.maximum(curve.low, 0.0), np.minimum(curve.high, 1.0)


def on_plateau(curve: Sensitivity, x: Sequence[float]) -> list[int]:
    """Return the places of a curve that lie on its plateau."""
    low, high = curve.plateau.low, curve.plateau.high
    if not isinstance(low, int | float) or not isinstance(high, int | float) or curve.plateau.share == 0:
        return []
    return [i for i, value in enumerate(x) if low <= value <= high]


def chosen_at(one: TunedArm, curve: Sensitivity) -> int:
    """Return the place of the chosen value on its curve."""
    assert one.chosen is not None, "an arm that is drawn has its point"
    return curve.values.index(one.chosen[curve.key])


def print_panel(
    ax: Any, evidence: Evidence, of: OptionCurves, arms: Sequence[TunedArm], ends: tuple[float, float]
) -> None:
    """Draw the curves of some arms along one option; `ends` are of the axis of scores, in percent."""
    style, mine = looks(evidence.study), of.of(arms)
    for order, (one, curve) in enumerate(mine):
        look, x = style[one.arm.name], places(of.option, curve.values)
        mean, low, high = (100 * part for part in (curve.mean, *shares(curve)))
        at = chosen_at(one, curve)
        if of.option.is_numeric:
            band(ax, x, low, high, look)
            ax.plot(x, mean, color=look.color, linestyle=look.dash, linewidth=THIN, zorder=2)
            wide = on_plateau(curve, x)
            ax.plot([x[i] for i in wide], mean[wide], color=look.color, linewidth=THICK, alpha=0.55, zorder=3)
            _mark_chosen(ax, x[at], mean[at], look, size=5)
            continue
        beside = [place + BESIDE * (order - (len(mine) - 1) / 2) for place in x]
        ax.errorbar(
            beside, mean, yerr=[mean - low, high - mean], color=look.color, marker=look.marker, markersize=2.5,
            linestyle="none", elinewidth=0.8, capsize=1.5, zorder=3,
        )  # fmt: skip
        _mark_chosen(ax, beside[at], mean[at], look, size=6)
    upright(ax, ends)
    _across(ax, of)


def _mark_chosen(ax: Any, x: float, y: float, look: ArmStyle, *, size: float) -> None:
    ax.plot(x, y, color=look.color, marker=look.marker, markersize=size, zorder=4, **_edge(look.marker))


def _edge(marker: str) -> dict[str, Any]:
    return {"markeredgewidth": 1.4} if marker == "x" else {"markeredgecolor": "white", "markeredgewidth": 0.6}


def _across(ax: Any, of: OptionCurves) -> None:
    axis = of.axis
    if axis.names:
        ax.set_xlim(axis.low, axis.high)
        ax.set_xticks(range(len(axis.names)), [plot(name, LONGEST) for name in axis.names])
    else:
        along(ax, axis)


def panel_of(
    of: OptionCurves, arms: Sequence[TunedArm], everyone: Mapping[str, Series], upright: Axis, table: int
) -> Panel:
    """Return the same as a panel of a chart, whose numbers are in the table of that index."""
    mine = [(one, curve, everyone[one.arm.name]) for one, curve in of.of(arms)]
    common: dict[str, Any] = {"title": "", "x": of.axis, "y": upright, "table": table, "size": FULL}
    if not of.option.is_numeric:
        marks = [
            mark
            for order, (one, curve, series) in enumerate(mine)
            for mark in _marks(series, curve, chosen_at(one, curve), BESIDE * (order - (len(mine) - 1) / 2))
        ]
        return Panel(marks=marks, **common)
    return Panel(
        lines=[_line(of, series, curve) for _, curve, series in mine],
        slopes=[slope for _, curve, series in mine if (slope := _thick(of, series, curve)) is not None],
        marks=[_chosen(of, series, curve, chosen_at(one, curve)) for one, curve, series in mine],
        **common,
    )


def _line(of: OptionCurves, series: Series, curve: Sensitivity) -> Line:
    mean, low, high = ((100 * part).tolist() for part in (curve.mean, *shares(curve)))
    return Line(series=series, x=places(of.option, curve.values), mean=mean, low=low, high=high, marked=False)


def _thick(of: OptionCurves, series: Series, curve: Sensitivity) -> Slope | None:
    """Return the plateau as a thick line; None if it is a single value."""
    x = places(of.option, curve.values)
    wide = on_plateau(curve, x)
    y = [100 * float(curve.mean[i]) for i in wide]
    says = f"{series.label}: {_said(curve)}"
    if len(wide) < 2:
        return None
    return Slope(series=series, look=_solid(series), x=[x[i] for i in wide], y=y, says=says, width=5.0)


def _solid(series: Series) -> ArmStyle:
    return ArmStyle(series.look.color, "-", series.look.marker)


def _chosen(of: OptionCurves, series: Series, curve: Sensitivity, at: int) -> Mark:
    x = places(of.option, curve.values)[at]
    says = f"{series.label}: chosen {value_text(curve.values[at])}, {_said(curve)}"
    return Mark(series=series, x=x, y=100 * float(curve.mean[at]), says=says, size=5.0)


def _marks(series: Series, curve: Sensitivity, at: int, beside: float) -> list[Mark]:
    found = []
    for i, value in enumerate(curve.values):
        mean, half = 100 * float(curve.mean[i]), 50 * float(curve.high[i] - curve.low[i])
        says = f"{series.label} at {value_text(value)}: {number(mean)} ± {number(half)}{', chosen' if i == at else ''}"
        found.append(
            Mark(series=series, x=i + beside, y=mean, says=says, size=5.0 if i == at else 3.0, half=half)
        )
    return found


def _said(curve: Sensitivity) -> str:
    low, high = value_text(curve.plateau.low), value_text(curve.plateau.high)
    return f"plateau {low} to {high}, {rounded(100 * curve.plateau.share, '.0f')} % of the range"


def numbers_of(of: OptionCurves, everyone: Mapping[str, Series], label: str) -> Numbers:
    """Return one row per value of the option: the fitted score of every arm with its interval."""
    curves = {
        one.arm.name: dict(zip(curve.values, range(len(curve.values)), strict=True)) for one, curve in of.arms
    }
    shared = [value for value in of.arms[0][1].values if all(value in at for at in curves.values())]
    if of.option.is_numeric and len(shared) > ROWS:
        last = len(shared) - 1
        shared = [shared[round(i * last / (ROWS - 1))] for i in range(ROWS)]
    rows = [
        [_first(value), *(_cell(curve, curves[one.arm.name][value]) for one, curve in of.arms)]
        for value in shared
    ]
    heads = [
        (of.option.key, None),
        *((everyone[one.arm.name].label, everyone[one.arm.name].number) for one, _ in of.arms),
    ]
    return Numbers(title=f"{label} along {of.option.key} [95 % interval]", heads=heads, rows=rows)


def _first(value: Value) -> str:
    """Format a value so that the page's script reads it as a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return f"{value:g}" if is_number else value_text(value)


def _cell(curve: Sensitivity, at: int) -> str:
    mean, low, high = (number(100 * float(of[at])) for of in (curve.mean, curve.low, curve.high))
    return f"{mean} [{low}, {high}]"
