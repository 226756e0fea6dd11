"""Numbers as tables print them: percent points, means with intervals, differences and p-values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from analysis.statistics import Interval, share_interval, t_interval
from analysis.statistics.families import ALPHA, FEWEST_RUNS
from analysis.text.rounding import rounded
from analysis.text.unit import PERCENT, Unit

ONE_DIGIT = 0.35
"""Half widths that begin with 35 or more have one significant digit, others two."""
LOPSIDED = 0.07
"""Share of half an interval's width by which its middle may differ from the mean if it is written with ±."""
MOST_DECIMALS = 6
"""Smaller numbers have an exponent."""


def points(value: float) -> str:
    """Format a share as percent points with one decimal and a true minus."""
    return PERCENT.text(value)


def spread(interval: Interval | None, unit: Unit = PERCENT) -> str:
    """Format `mean ± half width`; only the mean without an interval."""
    if interval is None:
        return "–"
    half = interval.half_width
    return unit.text(interval.point) + ("" if half is None else f" ± {unit.text(half)}")


def between(low: float, high: float, unit: Unit = PERCENT, *, sign: bool = False) -> str:
    """Format `[low, high]`."""
    return f"[{unit.text(low, sign=sign)}, {unit.text(high, sign=sign)}]"


def score(interval: Interval | None, values: Sequence[float], unit: Unit = PERCENT) -> str:
    """Format the mean and half width of a score; with few runs their values, which are more informative."""
    if interval is None or interval.n >= FEWEST_RUNS:
        return spread(interval, unit)
    return listed(unit.text(value) for value in values)


def listed(values: Iterable[str]) -> str:
    """Join the values of few runs."""
    return " / ".join(values)


def over_runs(values: Sequence[float], *, share: bool = False) -> Interval:
    """Return the mean over runs with its 95 % interval, cut to possible values of a share; without an
    interval if there are too few runs.
    """
    found = share_interval(values) if share else t_interval(values)
    return found if found.n >= FEWEST_RUNS else Interval(found.point, None, None, found.n)


def measured(values: Sequence[float], *, share: bool = False) -> str:
    """Format the mean over runs with its interval, or the values of few runs; shares in percent."""
    scale = 100 if share else 1
    if len(values) < FEWEST_RUNS:
        return listed(_plain(scale * value) for value in values)
    found = over_runs(values, share=share)
    low, high = (None if end is None else scale * end for end in (found.low, found.high))
    return estimate(scale * found.point, low, high)


def estimate(point: float, low: float | None = None, high: float | None = None) -> str:
    """Format `22.7 ± 0.7`, or `0.007 [0, 0.021]` if the interval reaches further to one side than to the
    other.

    Decimals show at most two significant digits of half the interval's width.
    """
    if low is None or high is None or high <= low:
        return _plain(point)
    half = (high - low) / 2
    digits = half_decimals(half)
    texts = [
        _power(value) if digits > MOST_DECIMALS else _fixed(value, digits)
        for value in (point, low, high, half)
    ]
    # up to the last digit: each end is rounded separately
    lopsided = max(abs(point - half - low), abs(point + half - high))
    if lopsided <= max(0.6 * 10.0**-digits, LOPSIDED * half):
        return f"{texts[0]} ± {texts[3]}"
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def half_decimals(half: float) -> int:
    """Return the decimals that leave half a width two significant digits, or one if it begins with 35 or
    more.
    """
    power = math.floor(math.log10(half)) + 1
    return max(0, (1 if half / 10.0**power >= ONE_DIGIT else 2) - power)


def _plain(value: float) -> str:
    """Format a number without an error: three significant digits."""
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    return _power(value) if power <= -MOST_DECIMALS else _fixed(value, max(0, 2 - power))


def _fixed(value: float, digits: int) -> str:
    text = rounded(value, f".{digits}f").replace("-", "−")
    return "0" if float(text.replace("−", "-")) == 0 else text


def _power(value: float) -> str:
    return rounded(value, ".1e").replace("e-0", "e-").replace("-", "−")


def numbers(
    name: str, interval: Interval | None, unit: Unit = PERCENT
) -> dict[str, float | int | str | None]:
    """Return the unrounded mean, interval and n for the data file."""
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
    """Format a difference of shares as signed percent points."""
    return PERCENT.signed(value)


def p_text(p: float | None) -> str:
    """Format a p-value to three decimals, to two from 0.1 on, and to four if three would round a p below 0.05
    to 0.05.
    """
    if p is None:
        return "–"
    if p < 0.001:
        return "< 0.001"
    text = rounded(p, ".3f" if p < 0.0995 else ".2f")
    return rounded(p, ".4f") if p < ALPHA <= float(text) else text
