"""Shares as text in percent."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

TRUSTED = 12
"""Significant digits of a share: 6.249999999999999 is 6.25."""
TENTH = Decimal("0.1")


def percent(share: float) -> str:
    """Return a share in percent with one digit, a half rounded up as reports round it: 0.0625 is 6.3."""
    return str(Decimal(f"{100 * share:.{TRUSTED}g}").quantize(TENTH, ROUND_HALF_UP))
