"""Words after a number: their multipliers, and the units that can be converted."""

from __future__ import annotations

import re
from fractions import Fraction

FACTORS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
"""Powers of ten."""

_TABLE = {
    "length": "mm millimeter millimetre 1/1000, cm centimeter centimetre 1/100, m meter metre 1, km kilometer kilometre 1000, "
    "in inch inche 127/5000, ft foot feet 381/1250, yd yard 1143/1250, mi mile 201168/125",
    "time": "s sec second 1, min minute 60, h hr hour 3600, day 86400, week 604800",
    "mass": "mg milligram 1/1000000, g gram 1/1000, kg kilogram 1",
    "money": "cent 1/100, dollar 1",
    "volume": "ml milliliter millilitre 1/1000, l liter litre 1",
}
UNITS = {
    name: (dimension, Fraction(entry.split()[-1]))
    for dimension, entries in _TABLE.items()
    for entry in entries.split(",")
    for name in entry.split()[:-1]
}
"""Dimension and size of each unit. The inch is 25.4 mm and the pound has no entry: it names both a mass and a force."""
PLAIN = {name for name in UNITS if len(name) > 1} | set(
    ["hz", "per", "units", "unit", "mph", "nm", "kpc", "kcal", "atm", "mol", "ev"]
)
"""Units that are recognized outside \\text too; single letters are symbols there."""
_WORDS = re.compile(r"(?:(square|sq|cubic|cu)\.? +)?([a-z]+?)(s?)(?:\^([0-9]))?\.?")


def unit_of(words: str) -> tuple[tuple[str, int], Fraction] | None:
    """Return dimension with its power, and size, of `cm`, `square inches`, `feet^3`; None if it is not in the table."""
    match = _WORDS.fullmatch(words.strip().casefold())
    if match is None:
        return None
    kind, name, plural, power = match.groups()
    found = UNITS.get(name + plural) or UNITS.get(name)
    if found is None:
        return None
    count = int(power) if power else {"square": 2, "sq": 2, "cubic": 3, "cu": 3}.get(kind or "", 1)
    return (found[0], count), found[1] ** count


def known(word: str) -> bool:
    """Return whether a word outside \\text is a unit."""
    low = word.casefold()
    return low in PLAIN or (len(low) > 2 and low.endswith("s") and low[:-1] in PLAIN)
