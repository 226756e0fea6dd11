"""Claims in provenance.json, so that a changed file of claims can be traced to the verdicts that depend on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.claims.section import Judged
from analysis.claims.spec import claim_digest, load_claims
from analysis.claims.table import row_names
from sspo.errors import UserError


def claims_record(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return, by file name, the file's SHA-256 and, by claim, a digest of its statement and its rows of verdicts.csv."""
    found = {}
    for file, names in row_names(judged):
        rows = {claim: [row for of, _, row in names if of == claim] for claim in file.claims.claims}
        claims = {
            name: {"sha256": claim_digest(c), "rows": rows[name]} for name, c in file.claims.claims.items()
        }
        found[file.name] = {"sha256": file.sha256, "claims": claims}
    return found


@dataclass(frozen=True)
class Change:
    """A file of claims that differs from the one that a report was made with."""

    what: str
    rows: tuple[str, ...] = ()
    """Rows of verdicts.csv whose claims changed."""
    adjusted: tuple[str, ...] = ()
    """Rows whose p is adjusted together with them."""


def changed_claims(recorded: Mapping[str, Any], files: Sequence[Path]) -> Iterator[Change]:
    """Yield the change of each file; unchanged files are left out."""
    now = {path.name: path for path in files}
    for name, then in recorded.items():
        everything = tuple(row for claim in then["claims"].values() for row in claim["rows"])
        if name not in now:
            yield Change(f"conf/claims/{name} is gone", everything)
        elif hashlib.sha256(now[name].read_bytes()).hexdigest() != then["sha256"]:
            yield _changed(now[name], then["claims"], everything)
    for name in now.keys() - recorded.keys():
        yield Change(f"conf/claims/{name} is new: the report has no verdict on its claims")


def _changed(path: Path, then: Mapping[str, Any], everything: tuple[str, ...]) -> Change:
    try:
        claims = load_claims(path).claims
    except UserError as error:
        return Change(f"conf/claims/{path.name} has changed and cannot be read: {error}", everything)
    others = [
        name for name in then if name not in claims or claim_digest(claims[name]) != then[name]["sha256"]
    ]
    new = [name for name in claims if name not in then]
    rows = tuple(row for name in others for row in then[name]["rows"])
    what = "has changed" + (
        f": {', '.join([*others, *new])}" if others or new else ", but none of its claims"
    )
    rest = tuple(row for row in everything if row not in rows) if others or new else ()
    return Change(f"conf/claims/{path.name} {what}", rows, rest)
