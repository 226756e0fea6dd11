"""Rounding for print: on the decimal value, halves away from zero."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Decimal

TRUSTED = 12
"""Significant digits of a sum that do not depend on the order of addition: 27.749999999999996 is 27.75."""
_PRECISION = re.compile(r"\.(\d+)([fge])$")


def rounded(value: float, spec: str) -> str:
    """Format as `format(value, spec)` with a spec such as `.1f` or `+.3g`, but round 27.75 to 27.8 and 12.5
    to 13, as by hand.

    A binary number cannot hold a mean of 27.75, only a neighbor: Python's own formatting rounds that, or a
    half to even.
    """
    found = _PRECISION.search(spec)
    if found is None:
        raise ValueError(f"the format must have a number of digits, such as .1f, got {spec!r}")
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
