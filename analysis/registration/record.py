"""registrations/<study>.json: a study's commitments before its first run. Written by `python -m sweeps register`.

    study, preset, time       the study, and when it was registered (UTC)
    plan                      binding choices: test, primary score, smallest effect, baseline, gates, looks, arms with cells and
                              seeds, digests of the claims, hash of the spec
    stopping                  the stopping rule in words
    versions                  of the code and packages
    digest                    SHA-256 of all of the above
    amendments                later plans, each with its time, its changes, whether there were results, and a digest that
                              covers the previous one

The first registration is never rewritten; amendments are appended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from sspo.config.json_file import read_object
from sspo.errors import UserError
from sspo.runs.runlog import write_atomic

FOLDER = Path(__file__).resolve().parents[2] / "registrations"
REMEDY = "restore it from git"
SHORT = 12
"""Digits of a digest that are shown to people."""
Plan = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Amendment:
    """A later plan."""

    time: str
    after_results: bool
    changes: tuple[str, ...]
    """Its changes, in words."""
    plan: Plan
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A study's registration; `digest` is empty until `sealed`."""

    study: str
    preset: str
    time: str
    plan: Plan
    stopping: str
    versions: Mapping[str, Any]
    amendments: tuple[Amendment, ...] = ()
    digest: str = ""

    @property
    def short(self) -> str:
        """Return the beginning of its digest."""
        return self.digest[:SHORT]

    @property
    def latest(self) -> Plan:
        """Return the plan of the last amendment, or the registered one."""
        return self.amendments[-1].plan if self.amendments else self.plan

    @property
    def binding(self) -> Plan:
        """Return the last plan that was made before any result: it sets the levels and the end of the study."""
        early = [amendment.plan for amendment in self.amendments if not amendment.after_results]
        return early[-1] if early else self.plan

    @property
    def newest_digest(self) -> str:
        """Return the digest of the last amendment, or its own."""
        return self.amendments[-1].digest if self.amendments else self.digest

    def sealed(self) -> Registration:
        """Return the same registration with its digest."""
        return replace(self, digest=_sha256(self._own()))

    def amended(self, amendment: Amendment) -> Registration:
        """Return it with one more amendment, whose digest covers everything before it."""
        sealed = replace(amendment, digest=_sealing(amendment, self.newest_digest))
        return replace(self, amendments=(*self.amendments, sealed))

    def flaw(self) -> str | None:
        """Return what does not match its digest, in words; None if everything does."""
        if _sha256(self._own()) != self.digest:
            return "its content does not match its digest"
        before = self.digest
        for number, amendment in enumerate(self.amendments, 1):
            if _sealing(amendment, before) != amendment.digest:
                return f"its amendment {number} does not match its digest"
            before = amendment.digest
        return None

    def content(self) -> dict[str, Any]:
        """Return the content of its file."""
        amendments = [{**_of(amendment), "digest": amendment.digest} for amendment in self.amendments]
        return {**self._own(), "digest": self.digest, "amendments": amendments}

    def _own(self) -> dict[str, Any]:
        keys = ("study", "preset", "time", "plan", "stopping", "versions")
        return {key: getattr(self, key) for key in keys}


def from_content(content: Mapping[str, Any]) -> Registration:
    """Build a registration from a file's content. Raises UserError if it is not one."""
    try:
        amendments = tuple(
            Amendment(
                time=str(one["time"]),
                after_results=bool(one["after_results"]),
                changes=tuple(map(str, one["changes"])),
                plan=dict(one["plan"]),
                digest=str(one["digest"]),
            )
            for one in content["amendments"]
        )
        found = Registration(
            study=str(content["study"]),
            preset=str(content["preset"]),
            time=str(content["time"]),
            plan=dict(content["plan"]),
            stopping=str(content["stopping"]),
            versions=dict(content["versions"]),
            amendments=amendments,
            digest=str(content["digest"]),
        )
        for plan in (found.plan, *(one.plan for one in amendments)):
            _check(plan)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"the registration lacks a usable {error}; {REMEDY}") from error
    return found


def _check(plan: Plan) -> None:
    """Raise ValueError, KeyError, TypeError or AttributeError for a damaged plan."""
    looks = (0, *looks_of(plan), fewest_seeds(plan))
    if any(later <= earlier for earlier, later in pairwise(looks)):
        raise ValueError(f"list of looks (got {list(looks[1:-1])} of {looks[-1]} seeds)")
    runs_of(plan)
    for of in plan["claims"].values():
        _ = {name: str(digest) for name, digest in of["claims"].items()}


def runs_of(plan: Plan, *, base: bool = False) -> dict[tuple[str, int], str]:
    """Return the arm of every run (cell, seed) of a plan; runs of the untrained base only with `base`: its score is not a result of a study."""
    return {
        (str(arm["cell"]), int(seed)): str(arm["name"])
        for arm in plan["arms"]
        if base or arm["role"] != "base"
        for seed in arm["seeds"]
    }


def looks_of(plan: Plan) -> tuple[int, ...]:
    """Return the planned interim looks."""
    return tuple(int(seeds) for seeds in plan["looks"])


def fewest_seeds(plan: Plan) -> int:
    """Return the seeds per arm at the end of a plan: the fewest over all competing arms."""
    return min(len(arm["seeds"]) for arm in plan["arms"] if arm["role"] in ("arm", "no_clip"))


def registration_path(study: str, folder: Path = FOLDER) -> Path:
    """Return the path of a study's registration."""
    return folder / f"{study}.json"


def read_registration(study: str, folder: Path = FOLDER) -> Registration | None:
    """Read a study's registration. Return None if it has none. Raises UserError for a file that is damaged or was edited."""
    path = registration_path(study, folder)
    content = read_object(path, REMEDY)
    if content is None:
        return None
    try:
        found = from_content(content)
    except UserError as error:
        raise UserError(f"{path} is damaged: {error}") from error
    flaw = found.flaw()
    if flaw is not None:
        raise UserError(
            f"{path} was edited: {flaw}; {REMEDY}, and amend it with `make register NAME={study}`"
        )
    return found


def write_registration(registration: Registration, folder: Path = FOLDER) -> Path:
    """Write a sealed registration and return its path. Raises UserError if it cannot be written."""
    path = registration_path(registration.study, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, as_text(registration.content()))
    except OSError as error:
        raise UserError(f"cannot write the registration {path}: {error.strerror}") from error
    return path


def as_text(content: Any) -> str:
    """Format content as the JSON of this room's files."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _of(amendment: Amendment) -> dict[str, Any]:
    keys = ("time", "after_results", "plan")
    return {key: getattr(amendment, key) for key in keys} | {"changes": list(amendment.changes)}


def _sealing(amendment: Amendment, before: str) -> str:
    return _sha256({**_of(amendment), "before": before})


def _sha256(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
