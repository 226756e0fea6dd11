"""Numbers as tables print them: percent points, intervals, differences and p-values."""

from __future__ import annotations

from analysis.statistics import Interval
from analysis.text.rounding import rounded
from analysis.text.unit import PERCENT, Unit


def points(value: float) -> str:
    """A share as percent points with one decimal and a true minus."""
    return PERCENT.text(value)


def spread(interval: Interval | None, unit: Unit = PERCENT) -> str:
    """`mean ± half width`; the mean alone without an interval."""
    if interval is None:
        return "–"
    half = interval.half_width
    return unit.text(interval.point) + ("" if half is None else f" ± {unit.text(half)}")


def numbers(
    name: str, interval: Interval | None, unit: Unit = PERCENT
) -> dict[str, float | int | str | None]:
    """Unrounded mean, interval and n for the data file."""
    if interval is None:
        return {f"{name}_mean": None, f"{name}_low": None, f"{name}_high": None, f"{name}_n": 0}
    low, high = (None if v is None else unit.factor * v for v in (interval.low, interval.high))
    return {
        f"{name}_mean": unit.factor * interval.point,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_n": interval.n,
    }


def signed(value: float) -> str:
    """A difference of shares as signed percent points."""
    return PERCENT.signed(value)


def p_text(p: float | None) -> str:
    """A p-value to three decimals."""
    if p is None:
        return "–"
    return "< .001" if p < 0.001 else rounded(p, ".3f").replace("0.", ".", 1)
