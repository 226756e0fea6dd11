"""`python -m analysis verify NAME`: checks that every byte is unchanged, and names the cells and figures that
a change touches.

Hashes the report's files, its compact logs by run and stream, and the run folders if they exist; then makes
the report again from the logs and compares.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.claims.files import claim_files, judged_files
from analysis.claims.record import changed_claims
from analysis.claims.table import NAME as VERDICTS
from analysis.logs.compact import LOOKS, MANIFEST, REGISTRATION
from analysis.logs.digests import Digests, changes, stream_digests
from analysis.logs.manifest import manifest_path, read_json
from analysis.logs.trace import CONTAMINATION, TIMING, TRAINING_RESPONSES
from analysis.provenance.freshness import STAMP
from analysis.provenance.record import FILE, analysis_sha256
from analysis.provenance.sources import FILE as SOURCES
from analysis.provenance.sources import changed_sources, present
from analysis.verify.anchor import against, anchors_of, differing_files, given_anchor
from analysis.verify.remade import differences
from analysis.verify.spec import spec_today
from analysis.verify.touched import everything, touched, traces
from analysis.verify.why import cell_name, one_line_each, read_provenance
from sspo.errors import UserError

LISTED = 12
"""Streams listed per run before the list is cut."""


@dataclass
class Verified:
    """The findings, as lines to print."""

    folder: Path
    """The report's folder."""
    lines: list[str] = field(default_factory=list)
    intact: bool = True

    def changed(self, line: str) -> None:
        """Record something that has changed."""
        self.intact = False
        self.lines.append(line)

    def touches(self, names: Iterable[str], adjusted: Iterable[str] = ()) -> None:
        """Name the cells and figures that a change touches, below its line."""
        for title, found in (("touches", list(names)), ("touches the bold or adjusted p of", list(adjusted))):
            if found:
                self.lines.append(f"  {title} {len(found)}: {' '.join(f'{name};' for name in found)[:-1]}")


def verify(name: str, preset: str | None, store: Path, out: Path, anchor: str | None = None) -> Verified:
    """Check a study's report, and compare it with a digest kept elsewhere if one is given.

    Raises UserError if there is no report with a provenance.json.
    """
    kept = None if anchor is None else given_anchor(anchor)
    folder, content = read_provenance(name, preset, out)
    found = Verified(folder)
    anchored = "" if kept is None else _anchored(kept, folder, content, found)
    logs_changed = _logs(folder, content, found)
    claims_changed = _claims(folder, content, found)
    spec = _spec(folder, found)
    runs = _run_folders(folder, content, store, found)
    why = ["logs"] * logs_changed + ["claims"] * claims_changed
    _remade(folder, content, found, f" ({' and '.join(why)} have changed)" if why else "")
    if found.intact:
        cells = sum(len(table["cells"]) for table in content["tables"].values())
        how = "; ".join(filter(None, (runs, spec, anchored)))
        found.lines.append(
            f"verified {folder}: {len(content['files'])} files, {cells} cells and {len(content['figures'])} figures of "
            f"{len(content['runs'])} runs are unchanged, and the logs reproduce them ({how})"
        )
    found.lines = one_line_each(found.lines)
    return found


def _anchored(anchor: str, folder: Path, content: Mapping[str, Any], found: Verified) -> str:
    """Compare the report with a digest kept elsewhere. Return in words what that digest was of."""
    holds, sentence = against(anchor, anchors_of(folder, content))
    if not holds:
        found.changed(sentence)
    return sentence


def _logs(folder: Path, content: Mapping[str, Any], found: Verified) -> bool:
    """Compare the compact logs with their digests."""
    differing = [name for name in differing_files(folder, content) if name.startswith("logs/")]
    for name in differing:
        found.changed(f"{name} {'has changed' if (folder / name).is_file() else 'is gone'}")
    if {f"logs/{name}" for name in (MANIFEST, REGISTRATION, LOOKS)} & set(differing):
        found.touches(everything(content))
    elif differing:
        _name(content, _changes(_recorded(content), stream_digests(folder / "logs")), found)
    return bool(differing)


def _claims(folder: Path, content: Mapping[str, Any], found: Verified) -> bool:
    """Compare the claim files that the study names with those that the verdicts are based on."""
    recorded = content.get("claims", {})
    try:
        asked = {path.name for path in judged_files(read_json(folder / "logs" / MANIFEST))}
    except (
        UserError,
        OSError,
        LookupError,
        TypeError,
        AttributeError,
    ):  # reported already: the manifest is one of the logs
        asked = set()
    wanted = [path for path in claim_files() if path.name in asked or path.name in recorded]
    changed = list(changed_claims(recorded, wanted))
    names = {name: "decides" in trace for name, trace in traces(content)}
    for change in changed:
        found.changed(change.what)
        cells = [name for row in change.rows for name in names if name.startswith(f"{VERDICTS}[{row},")]
        adjusted = {cell_name(VERDICTS, row, "effect") for row in change.adjusted}
        found.touches([*cells, VERDICTS], [n for n, shared in names.items() if shared and n in adjusted])
    return bool(changed)


def _spec(folder: Path, found: Verified) -> str:
    """Compare the study's spec as it is now with the planned one. Return in words what was compared."""
    try:
        manifest = read_json(folder / "logs" / MANIFEST)
        spec = spec_today(manifest)
    except (UserError, OSError, LookupError, TypeError):  # reported already: the manifest is one of the logs
        return ""
    if spec.changed:
        found.changed(spec.changed)
    return spec.note


def _recorded(content: Mapping[str, Any]) -> Digests:
    return {stream: {int(run): digest for run, digest in runs} for stream, runs in content["streams"].items()}


def _name(content: Mapping[str, Any], different: Digests, found: Verified) -> None:
    """Name the runs and streams that differ, and what depends on them."""
    by_run: dict[int, list[str]] = {}
    for stream, runs in different.items():
        for run in runs:
            by_run.setdefault(run, []).append(stream)
    for run, streams in sorted(by_run.items()):
        record = (
            content["runs"][run]
            if run < len(content["runs"])
            else {"arm": "a run not in the report", "seed": run}
        )
        more = f" and {len(streams) - LISTED} more" if len(streams) > LISTED else ""
        found.lines.append(f"  {record['arm']} seed {record['seed']}: {', '.join(streams[:LISTED])}{more}")
    found.touches(*touched(content, {(stream, run) for stream, runs in different.items() for run in runs}))


def _run_folders(folder: Path, content: Mapping[str, Any], store: Path, found: Verified) -> str:
    """Compare run folders with their record. Return in words how many exist."""
    study = [run for run in content["runs"] if "versions" in run]
    there = present(store, study)
    if not there:
        return f"no run folder in {store}: only the compact logs were checked"
    try:
        differing = changed_sources(store, study, folder / "logs")
    except (UserError, LookupError, AttributeError):
        found.changed(f"logs/{SOURCES} cannot be read: run folders are compared by their contents")
        differing = None
    for change in differing or ():
        found.changed(f"{change.path} {change.what}")
    if differing is None or differing:
        runs = set(there) if differing is None else {change.run for change in differing}
        said = _said_otherwise(content, store, runs)
        if said:
            found.intact = False
            _name(content, said, found)
    return f"{len(there)} of {len(study)} run folders in {store}, {'hashed' if differing is not None else 'read'} again"


def _said_otherwise(content: Mapping[str, Any], store: Path, runs: set[int]) -> Digests:
    """Return the streams of these runs whose values differ in the store's folders; all of them if those
    cannot be read.
    """
    from analysis.logs.run_folders import compact

    before = {s: {r: d for r, d in of.items() if r in runs} for s, of in _recorded(content).items()}
    with tempfile.TemporaryDirectory() as place:
        try:
            manifest = read_json(manifest_path(store, content["study"], content["preset"]))
            compact(
                store, manifest, Path(place), as_ended=False
            )  # a change is reported by the cells that it touches
        except (UserError, OSError):
            return {stream: dict.fromkeys(of, "") for stream, of in before.items() if of}
        now = {s: {r: d for r, d in of.items() if r in runs} for s, of in stream_digests(Path(place)).items()}
    return _changes(_of_runs(before), _of_runs(now))


LATER = (TIMING, TRAINING_RESPONSES)
"""Streams that older reports have no digests of: their presence now is not a change."""


def _changes(before: Digests, now: Digests) -> Digests:
    """Return the streams that differ."""
    return changes(before, {s: of for s, of in now.items() if s not in LATER or s in before})


def _of_runs(streams: Digests) -> Digests:
    """Return the streams that run folders hold; replays and contamination checks are stored elsewhere."""
    return {s: of for s, of in streams.items() if not s.startswith("replay/") and s != CONTAMINATION}


def _remade(folder: Path, content: Mapping[str, Any], found: Verified, changed: str) -> None:
    """Compare the report's own files with their digests, and with what the logs give now."""
    differing = {name for name in differing_files(folder, content) if not name.startswith("logs/")}
    with tempfile.TemporaryDirectory() as place:
        again = Path(place) / folder.name
        shutil.copytree(folder / "logs", again / "logs")
        try:
            found_again = differences(folder, again, content)
        except UserError as error:
            found.changed(f"the report cannot be made again: {error}")
            found_again = {}
    for name in sorted(differing):
        gone = "" if (folder / name).is_file() else " and is gone"
        found.changed(f"{name} has changed since it was written{gone}")
        found.touches(found_again.get(name, [name]))
    other_code = content["analysis_sha256"] != analysis_sha256()
    for name, names in found_again.items():
        if name not in differing:
            why = changed or (" (it was made by different analysis code)" if other_code else "")
            found.changed(f"{name} differs from what the logs give now{why}")
            found.touches(names)
    recorded = {*content["files"], FILE, STAMP}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in recorded:
            found.changed(f"{name} is not one of the report's files")
