"""Runs that several files call by one name, such as W&B's charts with one metric each, merged into one log per run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.importers.importer import RUN_COLUMNS, Named
from analysis.importers.limits import clean, shown, shown_path
from analysis.importers.logged import UNKNOWN_END, Logged, together
from analysis.importers.read import read
from analysis.importers.spec import ImportSpec, RunSpec
from sspo.errors import UserError, unknown


def names_of(logged: Logged) -> set[str]:
    """Return the names by which a file calls a run."""
    return {logged.label, *(str(logged.config[c]) for c in RUN_COLUMNS if c in logged.config)}


def named_runs(spec: ImportSpec, named: Named) -> Iterator[tuple[RunSpec, Logged]]:
    """Yield each run that the import names, with its arm and seed and its log from all files. Raises UserError if a file
    holds a run that the import does not name, or if no file holds a named run."""
    found: dict[str, list[Logged]] = {}
    for file in dict.fromkeys(spec.files):
        for logged in read(Path(file), named):
            name = next((name for name in names_of(logged) if name in spec.names), None)
            if name is None:
                said = shown(logged.label) if logged.label else "without a name"
                raise UserError(
                    f"{shown_path(file)} holds a run {said} that `runs` does not map: add its arm and seed; "
                    f"{unknown('run', logged.label, spec.names)}"
                )
            found.setdefault(name, []).append(logged)
    for name, whose in spec.names.items():
        if name not in found:
            raise unknown(f"run in {', '.join(Path(file).name for file in spec.files)}", name, found)
        yield RunSpec(path=spec.files[0], arm=whose.arm, seed=whose.seed), _merged(name, found[name])


def _merged(name: str, parts: Sequence[Logged]) -> Logged:
    """Merge the metrics that files hold of one run into one log."""
    rows: dict[int, dict[str, float]] = {}
    of_metric: dict[str, Path] = {}
    for part in parts:
        for metric in {metric for row in part.rows.values() for metric in row}:
            if metric in of_metric:
                files = " and ".join(clean(path.name) for path in (of_metric[metric], part.files[0]))
                raise UserError(f"{files} both hold {shown(metric)} of {shown(name)}: leave one of them out")
            of_metric[metric] = part.files[0]
        for step, row in part.rows.items():
            rows.setdefault(step, {}).update(row)
    return replace(
        parts[0],
        files=tuple(dict.fromkeys(file for part in parts for file in part.files)),
        rows=rows,
        config={key: value for part in parts for key, value in part.config.items()},
        end=next((part.end for part in parts if part.end != UNKNOWN_END), UNKNOWN_END),
        note=together(*dict.fromkeys(part.note for part in parts)),
        unread={key: what for part in parts for key, what in part.unread.items() if key not in of_metric},
        label=name,
    )
