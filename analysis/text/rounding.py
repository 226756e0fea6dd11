"""How numbers are rounded for print: on their decimal value, halves away from zero."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal

TRUSTED = 12
"""Significant digits of a sum that no order of adding changes: 27.749999999999996 is 27.75."""
_PRECISION = re.compile(r"\.(\d+)([fge])$")


def rounded(value: float, spec: str) -> str:
    """`format(value, spec)` for a spec such as `.1f` or `+.3g`, but 27.75 is 27.8 and 12.5 is 13, as one rounds by hand.

    Binary numbers hold no 27.75 of a mean, only a neighbour: Python's own formatting rounds that, or a half to even.
    """
    found = _PRECISION.search(spec)
    if found is None:
        raise ValueError(f"a format with a number of digits, such as .1f, and not {spec!r}")
    if not math.isfinite(value):
        return format(value, spec)
    exact = Decimal(f"{value:.{TRUSTED}g}")
    digits = int(found[1])
    if found[2] == "f":
        last = -digits
    else:
        last = exact.adjusted() - (max(digits, 1) - 1 if found[2] == "g" else digits)
    near = exact.quantize(Decimal(1).scaleb(last), ROUND_HALF_UP)
    near = abs(near) if near == 0 else near  # no -0.0
    return format(near if found[2] == "f" else float(near), spec)
