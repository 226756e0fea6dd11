"""A report's digests, to be kept out of reach of anyone who can write the report: in a signed tag, in a
paper.

The digest of provenance.json covers the report: that file holds the digests of every other file, including
logs and claims. The digest of the logs outlives the code that makes reports from them. Both can be computed
with coreutils alone (docs/reports.md).
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.digests import file_digest
from analysis.logs.manifest import PRESETS
from analysis.provenance.record import FILE
from analysis.verify.why import read_provenance
from sspo.errors import UserError

DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
SHORT = 12
LOGS = "logs/"


@dataclass(frozen=True)
class Anchors:
    """Two digests of a report folder as it is now."""

    report: str
    logs: str


def anchors_of(folder: Path, content: Mapping[str, Any]) -> Anchors:
    """Return the digests of the files that exist now; `content` is provenance.json, which names those of the
    logs.
    """
    names = sorted(name for name in content["files"] if name.startswith(LOGS) and (folder / name).is_file())
    lines = "".join(f"{file_digest(folder / name)}  {name}\n" for name in names)
    return Anchors(file_digest(folder / FILE), hashlib.sha256(lines.encode()).hexdigest())


def differing_files(folder: Path, content: Mapping[str, Any]) -> list[str]:
    """Return the files of a report that are gone or differ from its provenance.json."""
    return [
        name
        for name, digest in content["files"].items()
        if not (folder / name).is_file() or file_digest(folder / name) != digest
    ]


def anchor_lines(name: str, preset: str | None, out: Path) -> list[str]:
    """Return what to keep, and how. Raises UserError if there is no report, or if one of its files has
    changed.
    """
    folder, content = read_provenance(name, preset, out)
    differing = differing_files(folder, content)
    if differing:
        raise UserError(
            f"{folder / differing[0]} has changed since the report was written: run `make verify NAME={shlex.quote(name)}` for details"
        )
    found, of = anchors_of(folder, content), f"{content['study']} (preset {content['preset']})"
    stated = f"report sha256:{found.report} logs sha256:{found.logs}"
    tag = shlex.quote(f"reports/{folder.name}")
    words = f"NAME={shlex.quote(name)}"
    if content["preset"] != PRESETS[0]:
        words += f" PRESET={content['preset']}"
    return [
        f"{of}: {stated}",
        f"  in a tag: git tag -s {tag} -m {shlex.quote(f'{of}: {stated}')}",
        f"  in a paper: The numbers are those of study {content['study']}, whose provenance.json has the SHA-256 {found.report}.",
        f"  to check: make verify {words} ANCHOR={found.report}",
    ]


def given_anchor(text: str) -> str:
    """Return the digest that a user gave. Raises UserError if it is not a whole digest: half of one proves
    nothing.
    """
    match = DIGEST.fullmatch(text.strip().lower())
    if match is None:
        raise UserError(
            f"an anchor is a SHA-256 of 64 hexadecimal digits, as `make anchor` prints it, got '{text}'"
        )
    return match[1]


def against(anchor: str, found: Anchors) -> tuple[bool, str]:
    """Return whether an anchor is one of the report's digests, and a sentence about it."""
    if anchor == found.report:
        return True, "the report matches the anchor"
    if anchor == found.logs:
        return True, "the logs match the anchor"
    return False, (
        f"the anchor {anchor[:SHORT]} matches neither the digest of this report ({found.report[:SHORT]}) nor that of its logs "
        f"({found.logs[:SHORT]}): the anchored report had different logs, or was made from them by different code"
    )
