"""The counts of a replay per run, update and point, and the shares of these counts.

Counts of tokens are named as in the glossary, without `policy/`. Pool with counts: a mean of shares weighs a short
rollout like a long one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sspo.metrics.glossary import SHARES, Share

COUNTS = (
    "tokens",
    "active_tokens",
    "responses",
    "segments",
    "clipped_low",
    "clipped_high",
    "segment_share",
    "response_share",
    "extreme_tokens",
    "extreme_retained_tokens",
    "collateral_tokens",
    "advantage_mass",
    "advantage_mass_kept",
)
RATIO_SUMS = ("ratio_sum", "ratio_squares")
"""In double precision: a standard deviation is the small difference of two large sums."""
CLIPPED = ("clipped_low", "clipped_high")
SIDES = {"clipped_tokens": CLIPPED}
"""Counts of the glossary that a replay splits into parts."""


class Fraction(NamedTuple):
    """Sum of the columns `part` over the sum of the columns `whole`; null if the whole is zero, or below `least`."""

    part: tuple[str, ...]
    whole: tuple[str, ...]
    least: int = 1


def _replayed(share: Share) -> Fraction:
    return Fraction(_columns(share.part), _columns(share.whole), share.min_count)


def _columns(key: str) -> tuple[str, ...]:
    name = key.removeprefix("policy/")
    return SIDES.get(name, (name,))


FRACTIONS: Mapping[str, Fraction] = {
    "clip_frac": Fraction(CLIPPED, ("tokens",)),
    "clip_frac_low": Fraction(("clipped_low",), ("tokens",)),
    "clip_frac_high": Fraction(("clipped_high",), ("tokens",)),
    "clip_frac_active": Fraction(CLIPPED, ("active_tokens",)),
    "clip_frac_active_low": Fraction(("clipped_low",), ("active_tokens",)),
    "clip_frac_active_high": Fraction(("clipped_high",), ("active_tokens",)),
    "clip_frac_segment": Fraction(("segment_share",), ("segments",)),
    "clip_frac_response": Fraction(("response_share",), ("responses",)),
    **{key.removeprefix("policy/"): _replayed(share) for key, share in SHARES.items()},
    "signal_kept": Fraction(("advantage_mass_kept",), ("advantage_mass",), least=0),
}
