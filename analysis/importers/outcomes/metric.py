"""Which of the numbers that a tool gives an answer is its score, and that it is a share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from analysis.importers.limits import clean, shown
from sspo.errors import UserError, unknown


def chosen(names: Collection[str], asked: Sequence[str], where: str, default: Sequence[str] = ()) -> str:
    """The metric that scores: the one that is asked for (`exact_match` is also `exact_match,strict-match` where that alone
    begins so), else the tool's own choice, else the only one. Raises UserError where that is none or several."""
    if not names:
        raise UserError(f"{where} has no metric that is a number: it cannot be scored")
    if asked:
        whole = [name for name in names if name in asked]
        found = whole or [name for name in names if name.split(",")[0] in asked]
        if not found:
            raise unknown(f"metric of {where}", asked[0], [clean(name) for name in names])
    else:
        found = [name for name in default if name in names][:1] or list(names)
    if len(found) > 1:
        listed = ", ".join(clean(name) for name in found)
        raise UserError(f"{where} has several metrics ({listed}): name the one that scores with --primary")
    return found[0]


def is_number(value: Any) -> bool:
    """Whether a value can be a score."""
    return isinstance(value, bool | int | float)


def share(value: Any, metric: str, where: str) -> float:
    """A score as a share: true, false, or a number in [0, 1]. Raises UserError."""
    if not is_number(value) or not 0 <= value <= 1:
        raise UserError(
            f"{where} has {shown(value)} for {shown(metric)}: an outcome is 0, 1 or a share in [0, 1], so name another "
            "metric with --primary"
        )
    return float(value)
