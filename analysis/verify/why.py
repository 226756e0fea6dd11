"""`python -m analysis why NAME TARGET`: shows the formula behind a cell or figure, and the runs with their
values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.manifest import PRESETS, one_line, read_json, report_folder, study_of
from analysis.logs.trace import OF_STORE, file_of, pairs
from analysis.provenance.record import CAPTION, FILE, FORMAT
from sspo.errors import UserError, unknown

TABLES = {
    "main": "results",
    "greedy": "results_greedy",
    "equal clipping": "replay",
    "the law of entropy": "law",
}
COLUMNS = {
    "avg": "average",
    "mean": "average",
    "delta": "difference",
    "Δ average": "difference",
    "p": "p (Holm)",
    "points a question": "points per question",
}
"""Common names, and a name that a column once had; a name matches every column that begins with it."""
TARGET = re.compile(r"(?P<table>[^\[\]]+)\[(?P<row>.*?)(?:,(?P<column>[^,]*))?\]", re.DOTALL)
GIVE = "give a table's cell as results[ARM,COLUMN], a caption as results[caption], or: figure NAME"


@dataclass(frozen=True)
class Found:
    """A target that was found: its name, its text, and its origin."""

    name: str
    text: str
    trace: Mapping[str, Any]


def read_provenance(name: str, preset: str | None, out: Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder and provenance.json of a study's report, of the strongest preset if none is given.

    Raises UserError if there is none, or if this version cannot read it.
    """
    folders = [report_folder(out, name, p) for p in ([preset] if preset else PRESETS)]
    folder = next((f for f in folders if (f / FILE).is_file()), None)
    if folder is None:
        raise _no_report(name, preset, folders, out)
    content = read_json(folder / FILE)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"{folder / FILE} is not of format {FORMAT}: make the report again with `make report NAME={name}`"
        )
    return folder, content


def _no_report(name: str, preset: str | None, folders: Sequence[Path], out: Path) -> UserError:
    begun = [folder for folder in folders if folder.is_dir()]
    if begun:
        return UserError(f"{begun[0]} has no {FILE}: make the report again with `make report NAME={name}`")
    known = {study_of(path.parent.name) for path in out.glob(f"*/{FILE}")}
    if name in known or not known:
        which = f" (preset {preset})" if preset else ""
        return UserError(f"study '{name}'{which} has no report in {out}: run `make report NAME={name}` first")
    return unknown("study", name, known)


def why(name: str, target: str, preset: str | None, out: Path) -> str:
    """Return the answer as lines. Raises UserError with the nearest name if the target does not exist."""
    folder, content = read_provenance(name, preset, out)
    found = find(content, target)
    lines = [
        f"{found.name}{f' = {found.text}' if found.text else ''}   ({folder})",
        f"formula: {found.trace['formula']}",
    ]
    if "rule" in found.trace:
        lines.append(f"decided with others: {found.trace['rule']}; {_arms(content, found.trace['decides'])}")
    for streams, runs in found.trace["reads"]:
        lines.append(f"read: {', '.join(streams)} of {len({r for _, r in pairs([[streams, runs]])})} runs")
    lines += ["", *_run_lines(content, found.trace), "", *_made_with(content)]
    return "\n".join(one_line_each(lines))


def one_line_each(lines: Iterable[str]) -> list[str]:
    """Remove characters with which names from data could start lines of their own or control a terminal."""
    return ["".join(c if c.isprintable() else "�" for c in line) for line in lines]


def find(content: Mapping[str, Any], target: str) -> Found:
    """Return the cell, caption, figure or section that a target names."""
    given = one_line(target)
    kind, _, rest = given.partition(" ")
    others = {**content["figures"], **content["sections"]}
    if kind.lower() == "figure" and rest:
        name = _named("figure", rest, content["figures"])
        return Found(f"figure {name}", "", content["figures"][name])
    if given in others:
        return Found(given, "", others[given])
    match = TARGET.fullmatch(given)
    if match is None:
        bare = [
            *content["figures"],
            *content["sections"],
            *(f"{table}[caption]" for table in content["tables"]),
        ]
        raise UserError(f"{unknown('cell or figure', given, bare)}; {GIVE}")
    table = _named("table", match["table"].strip(), content["tables"], TABLES)
    return _cell(table, content["tables"], match["row"].strip(), match["column"])


def _column(name: str, key: str, column: str, tables: Mapping[str, Any]) -> str:
    """Return the column that was meant.

    Raises UserError; if another table has that column for this row, the error names that table.
    """
    try:
        return _named(f"column of {name}", column, tables[name]["columns"], COLUMNS)
    except UserError as error:
        for other, table in tables.items():
            if column in table["columns"] and key in table["rows"]:
                raise UserError(f"{name} has no column '{column}': use {other}[{key},{column}]") from error
        raise


def _cell(name: str, tables: Mapping[str, Any], row: str, column: str | None) -> Found:
    table = tables[name]
    if row.lower() == CAPTION and column is None:
        key, title = CAPTION, ""
    elif column is None:
        raise UserError(f"'{name}[{row}]' does not name a column: {GIVE}")
    else:
        key = _named(f"row of {name}", row, table["rows"], _labels(table, row))
        title = _column(name, key, column.strip(), tables)
    for at, of, text, trace in table["cells"]:
        if (at, of) == (key, title):
            return Found(cell_name(name, at, of), text, trace)
    if key == CAPTION:
        raise UserError(f"the caption of {name} states no number of its own: use one of its cells")
    raise UserError(
        f"{cell_name(name, key, title)} comes from the study's manifest or has no number: no run is behind it"
    )


def _labels(table: Mapping[str, Any], row: str) -> dict[str, str]:
    """Map labels to rows. Raises UserError if several rows have the given label."""
    labels = list(zip(table["labels"], table["rows"], strict=True))
    meant = [key for label, key in labels if label.lower() == row.lower()]
    if len(meant) > 1 and row not in table["rows"]:
        raise UserError(f"'{row}' is the label of {' and '.join(meant)}: name one of them")
    return dict(labels)


def cell_name(table: str, row: str, column: str) -> str:
    """Return a cell's name: `results[grpo,average]`, `results[caption]`."""
    return f"{table}[{row},{column}]" if column else f"{table}[{row}]"


def _named(kind: str, given: str, valid: Iterable[str], others: Mapping[str, str] | None = None) -> str:
    """Return the valid name that is meant: an exact match, in different case, by an alias, or by its
    beginning.
    """
    names = list(valid)
    if given in names:
        return given
    low = given.lower()
    aliases = {alias.lower(): name for alias, name in (others or {}).items()}
    by_case = {name.lower(): name for name in names}
    by_case |= {alias: name for alias, name in aliases.items() if name in names}
    if low in by_case:
        return by_case[low]
    meant = aliases.get(low, low).lower()
    begins = [name for name in names if meant and name.lower().startswith(meant)]
    if len(begins) == 1:
        return begins[0]
    raise unknown(kind, given, names)


def _run_lines(content: Mapping[str, Any], trace: Mapping[str, Any]) -> list[str]:
    """Format one line per run: its value, file, step, config hash and code."""
    values, read = dict(trace.get("values", ())), sorted({run for _, run in pairs(trace["reads"])})
    files: dict[int, set[str]] = {}
    for stream, run in pairs(trace["reads"]):
        files.setdefault(run, set()).add(file_of(stream))
    rows = [("run", "value", "file", "logged", "config", "revision", "uncommitted")]
    for number in read:
        run = content["runs"][number]
        folder = "" if files[number] <= {*OF_STORE.values()} else f"cells/{run['cell']}/seed{run['seed']}/"
        place = folder + " and ".join(sorted(files[number]))
        value = f"{values[number]:.6g}" if number in values else ("-" if not values else "not scored")
        dirty = "not recorded" if run["dirty"] is None else (run["dirty"][:12] or "nothing")
        code = f"{str(run['revision'] or 'no revision')[:12]}/{str(run['code'] or 'no hash')[:12]}"
        rows.append((f"{run['arm']} seed {run['seed']}", value, place, _when(run), run["cell"], code, dirty))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _when(run: Mapping[str, Any]) -> str:
    if run.get("final_rollout") is None:
        return str(run["status"])
    return (
        f"steps 1-{run['steps']}, scored after rollout {run['final_rollout']}"
        if run["steps"]
        else "untrained"
    )


def _made_with(content: Mapping[str, Any]) -> list[str]:
    seen = {
        json.dumps(run["versions"], sort_keys=True): run["versions"]
        for run in content["runs"]
        if "versions" in run
    }
    trained = " | ".join(", ".join(f"{k} {v}" for k, v in sorted(one.items())) for one in seen.values())
    made = ", ".join(f"{name} {number}" for name, number in content["made_with"].items())
    return [
        f"runs trained with: {trained or 'not recorded'}",
        f"report made with: {made}; analysis code {content['analysis_sha256'][:12]}",
        f"manifest sha256 {content['manifest_sha256'][:12]}, spec sha256 {str(content['spec_sha256'])[:12]}",
    ]


def _arms(content: Mapping[str, Any], reads: Sequence[Any]) -> str:
    runs = {run for _, run in pairs(reads)}
    arms = dict.fromkeys(content["runs"][run]["arm"] for run in sorted(runs))
    return f"{len(runs)} runs of {', '.join(arms)}"
