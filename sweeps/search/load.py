"""Searches on disk: `load` reads conf/search/<name>.yaml and refuses invalid entries in one sentence.

checks.py has the refusals that compose nothing; corners.py has those that require composing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sspo.config.build import build
from sweeps.search.checks import check
from sweeps.search.spec import Search, SearchHead, SearchPreset
from sweeps.study.space.domain import Point
from sweeps.study.space.read import listed, mapping, parameter_from, scalars
from sweeps.study.spec_file import Folders, head_values, load_spec, spec_names

PARTS = ("space", "points", "presets")


def search_names(folder: Folders) -> list[str]:
    """Return the names of the searches in a folder of specs."""
    return spec_names(folder)


def load(folder: Folders, name: str) -> Search:
    """Read the search `<folder>/<name>.yaml`. Raises UserError with one sentence that names the file."""
    return load_spec("search", folder, name, parse)


def parse(name: str, content: Mapping[str, Any]) -> Search:
    """Build a search from plain values. Raises UserError for the first invalid one."""
    head = head_values(content, SearchHead, PARTS)
    space = mapping("space", content.get("space"))
    presets = mapping("presets", content.get("presets"))
    search = Search(
        name=name,
        head=build(SearchHead, head),
        space=tuple(parameter_from(key, value) for key, value in space.items()),
        points=_points(content.get("points", [])),
        presets={
            key: build(SearchPreset, mapping(f"presets.{key}", value or {}, empty=True), f"presets.{key}.")
            for key, value in presets.items()
        },
    )
    check(search)
    return search


def _points(content: object) -> tuple[Point, ...]:
    points = []
    for index, point in enumerate(listed("points", content)):
        values = mapping(f"points[{index}]", point)
        points.append(dict(zip(values, scalars(f"points[{index}]", list(values.values())), strict=True)))
    return tuple(points)
