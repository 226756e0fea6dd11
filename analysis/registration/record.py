"""registrations/<study>.json: what a study bound itself to before its first run. Written by `python -m sweeps register`.

    study, preset, time       whose it is, and when it was made (UTC)
    plan                      what binds: test, primary score, smallest effect, baseline, gates, looks, arms with cells and
                              seeds, digests of the claims, hash of the spec
    stopping                  the stopping rule in words
    versions                  of the code and packages
    digest                    SHA-256 of all of the above
    amendments                later plans, each with its time, what changed, whether there were results, and a digest that
                              holds the one before it

What was registered first is never written again; amendments are appended.
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

FOLDER = Path("registrations")
"""In the working directory, as runs/ and reports/ are: registrations belong to the user's project."""
REMEDY = "restore it from git"
SHORT = 12
"""Digits of a digest that people read."""
Plan = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Amendment:
    """A later plan."""

    time: str
    after_results: bool
    changes: tuple[str, ...]
    """In words."""
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
        """The beginning of its digest."""
        return self.digest[:SHORT]

    @property
    def latest(self) -> Plan:
        """The plan as it was amended last."""
        return self.amendments[-1].plan if self.amendments else self.plan

    @property
    def binding(self) -> Plan:
        """The last plan that was made before there was any result: the one that levels and the end are judged by."""
        early = [amendment.plan for amendment in self.amendments if not amendment.after_results]
        return early[-1] if early else self.plan

    @property
    def newest_digest(self) -> str:
        """That of the last amendment, or its own."""
        return self.amendments[-1].digest if self.amendments else self.digest

    def sealed(self) -> Registration:
        """The same with its digest."""
        return replace(self, digest=_sha256(self._own()))

    def amended(self, amendment: Amendment) -> Registration:
        """With one more amendment, sealed onto what was there before."""
        sealed = replace(amendment, digest=_sealing(amendment, self.newest_digest))
        return replace(self, amendments=(*self.amendments, sealed))

    def flaw(self) -> str | None:
        """What is not as it was sealed, in words; None where all of it is."""
        if _sha256(self._own()) != self.digest:
            return "its content is not what its digest says"
        before = self.digest
        for number, amendment in enumerate(self.amendments, 1):
            if _sealing(amendment, before) != amendment.digest:
                return f"its amendment {number} is not what its digest says"
            before = amendment.digest
        return None

    def content(self) -> dict[str, Any]:
        """As the file has it."""
        amendments = [{**_of(amendment), "digest": amendment.digest} for amendment in self.amendments]
        return {**self._own(), "digest": self.digest, "amendments": amendments}

    def _own(self) -> dict[str, Any]:
        keys = ("study", "preset", "time", "plan", "stopping", "versions")
        return {key: getattr(self, key) for key in keys}


def from_content(content: Mapping[str, Any]) -> Registration:
    """The registration of a file's content. Raises UserError for what is none."""
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
    """Raise one of the errors that a plan of other hands may be damaged with."""
    looks = (0, *looks_of(plan), fewest_seeds(plan))
    if any(later <= earlier for earlier, later in pairwise(looks)):
        raise ValueError(f"list of looks (got {list(looks[1:-1])} of {looks[-1]} seeds)")
    runs_of(plan)
    for of in plan["claims"].values():
        _ = {name: str(digest) for name, digest in of["claims"].items()}


def runs_of(plan: Plan, *, base: bool = False) -> dict[tuple[str, int], str]:
    """Every run of a plan, (cell, seed), with its arm; of the untrained base only where asked: its score is no result of a study."""
    return {
        (str(arm["cell"]), int(seed)): str(arm["name"])
        for arm in plan["arms"]
        if base or arm["role"] != "base"
        for seed in arm["seeds"]
    }


def looks_of(plan: Plan) -> tuple[int, ...]:
    """The planned interim looks."""
    return tuple(int(seeds) for seeds in plan["looks"])


def fewest_seeds(plan: Plan) -> int:
    """Seeds an arm at the end of a plan: the fewest over all that compete."""
    return min(len(arm["seeds"]) for arm in plan["arms"] if arm["role"] in ("arm", "no_clip"))


def registration_path(study: str, folder: Path = FOLDER) -> Path:
    """The file of a study."""
    return folder / f"{study}.json"


def read_registration(study: str, folder: Path = FOLDER) -> Registration | None:
    """A study's registration; None where it has none. Raises UserError for a file that is damaged or was edited."""
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
    """Write a sealed registration; returns its path. Raises UserError where it cannot be written."""
    path = registration_path(registration.study, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, as_text(registration.content()))
    except OSError as error:
        raise UserError(f"cannot write the registration {path}: {error.strerror}") from error
    return path


def as_text(content: Any) -> str:
    """JSON as this room writes it."""
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _of(amendment: Amendment) -> dict[str, Any]:
    keys = ("time", "after_results", "plan")
    return {key: getattr(amendment, key) for key in keys} | {"changes": list(amendment.changes)}


def _sealing(amendment: Amendment, before: str) -> str:
    return _sha256({**_of(amendment), "before": before})


def _sha256(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
