"""The choice of the metric that scores an answer, and the check that it is a share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from analysis.importers.limits import clean, shown
from sspo.errors import UserError, unknown


def chosen(names: Collection[str], asked: Sequence[str], where: str, default: Sequence[str] = ()) -> str:
    """Choose the metric that scores: the requested one (`exact_match` also selects `exact_match,strict-match` if only that
    begins so), else the tool's own choice, else the only one. Raises UserError if there is none, or if there are several."""
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
    """Return whether a value can be a score."""
    return isinstance(value, bool | int | float)


def share(value: Any, metric: str, where: str) -> float:
    """Return a score as a share: true, false, or a number in [0, 1]. Raises UserError for any other value."""
    if not is_number(value) or not 0 <= value <= 1:
        raise UserError(
            f"{where} has {shown(value)} for {shown(metric)}: a result must be 0, 1 or a share in [0, 1]; choose a different "
            "metric with --primary"
        )
    return float(value)
