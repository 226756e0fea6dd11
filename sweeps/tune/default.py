"""An arm's own values as a point of its space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sspo.compose.fast import quick_values
from sspo.compose.hydra_compose import GROUPS
from sspo.config.fitted import fitted
from sspo.errors import UserError
from sweeps.search.cells import cell_at
from sweeps.search.spec import Search
from sweeps.study.space.domain import Choices, FloatRange, Parameter, Point, Value, active, admits

SCALE = 1.0
"""The factor that leaves the options of a scale as they are."""


def default_point(search: Search) -> Point | None:
    """Return the point at which every option has its value without the space; None if that lies outside of it."""
    preset = next(iter(search.presets))
    try:
        here = cell_at(search, preset, {})
        values = fitted(quick_values(here.overrides))
        point: dict[str, Value] = {}
        for parameter in search.space:
            if not active(parameter, point):
                continue
            found = _own(search, preset, parameter, values, here.name)
            if not admits(parameter.domain, found):
                return None
            point[parameter.key] = found
        return point if cell_at(search, preset, point).name == here.name else None
    except UserError:
        return None


def _own(search: Search, preset: str, parameter: Parameter, values: Mapping[str, Any], cell: str) -> Value:
    """Return the value of a parameter; of a group, the choice that leaves the cell as it is."""
    if parameter.scales:
        return SCALE
    if parameter.key in GROUPS and isinstance(parameter.domain, Choices):
        same = (one for one in parameter.domain.choices if _same(search, preset, {parameter.key: one}, cell))
        return next(same, None)
    found: Any = values
    for part in parameter.key.split("."):
        found = found[part]
    if isinstance(parameter.domain, FloatRange) and isinstance(found, int):
        return float(found)
    return found  # type: ignore[no-any-return]


def _same(search: Search, preset: str, point: Point, cell: str) -> bool:
    try:
        return cell_at(search, preset, point).name == cell
    except UserError:
        return False
