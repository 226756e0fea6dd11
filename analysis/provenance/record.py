"""Origins of a report's numbers: in words for its pages, and as provenance.json for `why` and `verify`."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.claims.record import claims_record
from analysis.content import Report
from analysis.evidence.evidence import Evidence
from analysis.evidence.replay import Replay
from analysis.evidence.tuning import tuning_parts
from analysis.logs.digests import Digests, file_digest
from analysis.logs.trace import Trace, grouped
from analysis.provenance.freshness import STAMP, package_files
from analysis.provenance.traces import figure_traces
from analysis.tables.captions import code_versions
from analysis.tables.replay import captions as replay_captions
from analysis.text.rounding import rounded
from analysis.text.table import Table

FILE = "provenance.json"
FORMAT = 1
PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "matplotlib")
"""Packages that make the report."""
CAPTION = "caption"
DIGITS = 12
"""Significant digits of a run's value: more than a table shows, fewer than would differ between processors.
"""


@dataclass(frozen=True)
class Origins:
    """The traces of everything on a report."""

    tables: Mapping[str, Table]
    figures: Mapping[str, Trace]
    sections: Mapping[str, Trace]


def provenance(evidence: Evidence, replay: Replay | None = None) -> list[tuple[str, str]]:
    """Return facts in order: what ran, on which base, with which versions, the hashes to check it by, and
    what was replayed.
    """
    manifest, runs = evidence.whole.manifest, pd.DataFrame(list(evidence.whole.runs))
    seconds = runs["seconds"].dropna().astype("float64")
    return [
        ("study and preset", f"{evidence.study.name}, {evidence.study.preset}"),
        *[
            ("imported from", f"{source['file']}, {source['bytes']} bytes, sha256 {source['sha256']}")
            for source in manifest.get("imported", {}).get("sources", ())
        ],
        ("spec sha256", str(manifest.get("spec_sha256", "not recorded"))),
        ("manifest sha256", manifest_sha256(evidence)),
        ("code (revision/hash)", ", ".join(code_versions(evidence)) or "not recorded"),
        ("base model", ", ".join(sorted({str(b) for b in runs["base"].dropna()})) or "not recorded"),
        ("versions", _versions(evidence) or "not recorded"),
        ("compute", f"{rounded(seconds.sum() / 3600, '.1f')} hours over {len(seconds)} finished runs"),
        ("compact logs", "logs/: the same report can be made from them alone"),
        *([replay_captions.provenance(replay)] if replay else []),
    ]


def manifest_sha256(evidence: Evidence) -> str:
    """Return the hash of the manifest's content, independent of its layout."""
    text = json.dumps(evidence.whole.manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _versions(evidence: Evidence) -> str:
    seen: dict[str, set[str]] = {}
    for record in evidence.whole.runs:
        for name, version_ in record["versions"].items():
            seen.setdefault(str(name), set()).add(str(version_))
    return ", ".join(f"{name} {' and '.join(sorted(versions))}" for name, versions in sorted(seen.items()))


def origins(report: Report) -> Origins:
    """Return the traces of a report, without figures that it does not have."""
    shown = {figure.name for figure in report.figures}
    figures = figure_traces(report.evidence, report.replay, shown)
    sections = dict(report.sections)
    if not report.verdicts:
        del sections["verdicts"]
    if not report.evidence.logs.samples:
        del sections["samples"]
    return Origins(
        {table.name: table for table in (*report.tables, *report.data)},
        figures,
        sections,
    )


def traced(report: Report, found: Origins, digits: int = DIGITS) -> dict[str, Any]:
    """Return the runs and the traces of all cells, figures and sections as plain data."""
    return {
        "study": report.evidence.study.name,
        "preset": report.evidence.study.preset,
        "spec_sha256": report.evidence.logs.manifest.get("spec_sha256"),
        "manifest_sha256": manifest_sha256(report.evidence),
        "made_with": made_with(),
        "runs": _runs(report.evidence, report.replay),
        "tables": {name: _table(table, digits) for name, table in found.tables.items()},
        "figures": {name: _plain(figure, digits) for name, figure in found.figures.items()},
        "sections": {name: _plain(section, digits) for name, section in found.sections.items()},
    }


def recorded(report: Report, found: Origins, folder: Path, streams: Digests) -> str:
    """Return provenance.json of a written report folder: its traces, and digests of its files and of its
    runs' streams.
    """
    files = {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in (folder / FILE, folder / STAMP)
    }
    content = {
        "format": FORMAT,
        "analysis_sha256": analysis_sha256(),
        **traced(report, found),
        "claims": claims_record(report.verdicts),
        "files": files,
        "streams": {
            stream: [[run, digest] for run, digest in runs.items()] for stream, runs in streams.items()
        },
    }
    lines = [f"{json.dumps(key)}: {_lines(value)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


@functools.cache
def made_with() -> dict[str, str]:
    """Return the versions of the packages that make reports."""
    return {name: version(name) for name in PACKAGES}


@functools.cache
def analysis_sha256() -> str:
    """Return the hash of the code that makes reports."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[1]
    for path in package_files():
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _runs(evidence: Evidence, replay: Replay | None) -> list[dict[str, Any]]:
    """Return the study's runs by index, those of its tuning included, then those that were replayed."""
    logs = evidence.whole
    final: dict[Any, Any] = {}
    steps = logs.metrics.groupby("run")["step"].max().to_dict()
    for of in (evidence, *tuning_parts(evidence)):
        final |= of.final.groupby("run")["rollout"].max().to_dict()
    found = [
        {
            "arm": str(record["arm"]),
            "seed": int(record["seed"]),
            "cell": str(record["cell"]),
            "status": str(record["status"]),
            "revision": record.get("revision"),
            "dirty": record.get("dirty_sha256"),
            "code": record.get("code_sha256"),
            "base": record.get("base"),
            "versions": dict(record.get("versions") or {}),
            "steps": int(steps.get(run, 0)),
            "final_rollout": int(final[run]) + 1 if run in final else None,
            **({"level": str(record["level"])} if record.get("level") else {}),
        }
        for run, record in enumerate(logs.runs)
    ]
    for run in replay.summary.runs if replay else ():
        found.append(
            {
                "arm": run.arm,
                "seed": run.seed,
                "cell": run.cell,
                "status": f"replayed, {run.rollouts} recorded rollouts",
                "revision": run.revision,
                "dirty": None,
                "code": run.code_sha256,
            }
        )
    return found


def _table(table: Table, digits: int) -> dict[str, Any]:
    keys, labels = [row.key for row in table.rows], [row.cells[0].text for row in table.rows]
    cells = [
        [row.key, column, cell.text, _plain(cell.trace, digits)]
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell.trace is not None
    ]
    if table.caption_trace is not None:
        cells.append([CAPTION, "", "", _plain(table.caption_trace, digits)])
    return {"columns": list(table.columns), "rows": keys, "labels": labels, "cells": cells}


def _plain(found: Trace | None, digits: int) -> dict[str, Any]:
    assert found is not None, "cells without a trace are left out"
    plain: dict[str, Any] = {
        "formula": found.formula,
        "reads": grouped(found.reads),
    }
    if found.values:
        plain["values"] = [[run, float(f"{value:.{digits}g}")] for run, value in found.values]
    if found.decides:
        plain["decides"] = grouped(found.decides)
        plain["rule"] = found.rule
    return plain


def _lines(value: Any) -> str:
    """Format JSON with one line per top-level entry, so that a diff shows which entry changed."""
    if isinstance(value, dict) and value:
        return "{\n" + ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f" {json.dumps(v)}" for v in value) + "\n]"
    return json.dumps(value)
