"""Searches on disk: `load` reads conf/search/<name>.yaml and refuses invalid entries in one sentence.

checks.py has the refusals that compose nothing; corners.py has those that require composing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sspo.compose.hydra_compose import GROUPS
from sspo.config.build import KINDS, build
from sspo.errors import UserError, shown
from sweeps.search.checks import check, check_key
from sweeps.search.options import option_type
from sweeps.search.spec import (
    Choices,
    Condition,
    FloatRange,
    IntRange,
    Parameter,
    Point,
    Search,
    SearchHead,
    SearchPreset,
    Value,
)
from sweeps.study.spec_file import Folders, head_values, load_spec, spec_names

SCALARS = (str, int, float, bool, type(None))
PARTS = ("space", "points", "presets")
RANGES: dict[type, type[FloatRange] | type[IntRange]] = {float: FloatRange, int: IntRange}


def search_names(folder: Folders) -> list[str]:
    """Return the names of the searches in a folder of specs."""
    return spec_names(folder)


def load(folder: Folders, name: str) -> Search:
    """Read the search `<folder>/<name>.yaml`. Raises UserError with one sentence that names the file."""
    return load_spec("search", folder, name, parse)


def parse(name: str, content: Mapping[str, Any]) -> Search:
    """Build a search from plain values. Raises UserError for the first invalid one."""
    head = head_values(content, SearchHead, PARTS)
    space = _mapping("space", content.get("space"))
    presets = _mapping("presets", content.get("presets"))
    search = Search(
        name=name,
        head=build(SearchHead, head),
        space=tuple(_parameter(key, value) for key, value in space.items()),
        points=_points(content.get("points", [])),
        presets={
            key: build(SearchPreset, _mapping(f"presets.{key}", value or {}, empty=True), f"presets.{key}.")
            for key, value in presets.items()
        },
    )
    check(search)
    return search


def _parameter(key: str, content: object) -> Parameter:
    check_key(f"parameter '{key}'", key)
    where = f"space.{key}"
    values = dict(_mapping(where, content))
    also = _list(f"{where}.also", values.pop("also", []))
    when = [
        Condition(key=other, values=_scalars(f"{where}.when.{other}", wanted))
        for other, wanted in _mapping(f"{where}.when", values.pop("when", None) or {}, empty=True).items()
    ]
    for other in also:
        check_key(f"{where}.also", str(other))
    return Parameter(
        key=key, domain=_domain(key, where, values), also=tuple(map(str, also)), when=tuple(when)
    )


def _domain(key: str, where: str, values: dict[str, Any]) -> FloatRange | IntRange | Choices:
    """Return the domain of a parameter. A range has the type of its option, so that a spec need not state it."""
    if "choices" in values:
        if len(values) > 1:
            extra = next(name for name in values if name != "choices")
            raise UserError(f"{where} has choices and {extra}: give either choices, or low and high")
        return Choices(choices=_scalars(f"{where}.choices", values["choices"]))
    kind = None if key in GROUPS else option_type(key)
    if kind not in RANGES:
        what = "a group" if key in GROUPS else f"set to {KINDS.get(kind or type(None), 'a list')}"
        raise UserError(f"{where} is {what}, which has no range: give choices: [...]")
    schema = RANGES[kind]
    for name in ("low", "high"):
        if name not in values and set(values) <= {*schema.__dataclass_fields__}:
            raise UserError(f"{where} lacks {name}: give low and high, or choices: [...]")
    return build(schema, values, f"{where}.")


def _points(content: object) -> tuple[Point, ...]:
    points = []
    for index, point in enumerate(_list("points", content)):
        values = _mapping(f"points[{index}]", point)
        points.append(dict(zip(values, _scalars(f"points[{index}]", list(values.values())), strict=True)))
    return tuple(points)


def _mapping(key: str, value: object, *, empty: bool = False) -> Mapping[str, Any]:
    if not isinstance(value, Mapping | None):
        raise UserError(f"{key} must map names to values, got {shown(value)}")
    if value is None or not (value or empty):
        raise UserError(f"{key} must name at least one entry, got {shown(value)}")
    for name in value:
        if not isinstance(name, str):
            raise UserError(f"{key}: {shown(name)} is not a name; put it in quotes")
    return value


def _list(key: str, value: object) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise UserError(f"{key} must be a list, got {shown(value)}")
    return value


def _scalars(key: str, value: object) -> tuple[Value, ...]:
    for item in _list(key, value):
        if not isinstance(item, SCALARS):
            raise UserError(f"{key} contains {shown(item)}, which is not a single value")
    return tuple(float(item) if isinstance(item, float) else item for item in _list(key, value))
