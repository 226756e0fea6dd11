"""Compares a report folder with one made again from its compact logs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.logs.replay_source import SUMMARY
from analysis.provenance.record import FILE, made_with
from analysis.text.table import Table
from analysis.text.table_files import parted
from analysis.verify.table_lines import differing_cells, differing_in_csv, same_numbers

TEXT = (".md", ".tex", ".csv")
"""Files that do not depend on how a different version of Matplotlib draws."""
MADE_WITH = ("made_with", "analysis_sha256")
"""Keys of provenance.json that may differ although every number is the same."""


def differences(folder: Path, again: Path, content: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, by file of `folder` that the logs in `again` do not reproduce, the cells, figures or sections
    that differ in it.

    Drawings and the last digits of CSV files may differ if a different processor or a different version of a
    package made them: figures are compared only if the same packages made them, CSV files number by number.
    """
    from analysis.report import render  # pandas and Matplotlib: not for --help

    report = render(again, replayed=(again / "logs" / SUMMARY).is_file())
    same_packages = content["made_with"] == made_with()
    tables = {table.name: table for table in (*report.tables, *report.data)}
    found = {}
    for path in sorted(again.iterdir()):
        if path.is_file() and path.name != FILE:
            there = folder / path.name
            names = _compare(there, path, tables)
            if names and (same_packages or path.suffix in TEXT):
                found[path.name] = names
    if _other_provenance(content, json.loads((again / FILE).read_text(encoding="utf-8"))):
        found[FILE] = [FILE]
    return found


def _compare(there: Path, again: Path, tables: Mapping[str, Table]) -> list[str]:
    name, kind = parted(again.name)
    figure = name not in tables and name != "index"
    if not there.is_file():
        return [f"figure {name}" if figure else name]
    if there.read_bytes() == again.read_bytes():
        return []
    if figure:
        return [f"figure {name}"]
    try:
        mine, wanted = (path.read_text(encoding="utf-8") for path in (there, again))
    except UnicodeDecodeError:
        return [f"{name} (not text)"]
    if kind == ".csv":
        return [] if same_numbers(mine, wanted) else differing_in_csv(tables[name], mine)
    return differing_cells([tables[name]] if name in tables else list(tables.values()), mine, wanted, kind)


def _other_provenance(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> bool:
    """Return whether traces differ, except digests of files, which are compared with the files themselves."""
    keys = {*recorded, *again} - {*MADE_WITH, "files"}
    return any(_rounded(recorded.get(key)) != _rounded(again.get(key)) for key in keys)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
