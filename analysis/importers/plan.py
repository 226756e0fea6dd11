"""The manifest and the records of an import: the content of a plan, made after the fact."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from analysis.importers.limits import clean
from analysis.importers.spec import ArmSpec, ImportSpec
from analysis.logs.manifest import IMPORTED, LOGGED
from analysis.logs.run_files import DONE
from sspo.errors import unknown

NOT_LOGGED = """seconds rollout0_sha256 revision code_sha256 base rule ratio term adapt alpha clip_low clip_high advantage
aggregation"""
"""Keys of our own runs' records that foreign logs do not hold."""


class Whose(Protocol):
    """A run of an arm under a seed."""

    @property
    def arm(self) -> str:
        """Return the arm's name."""

    @property
    def seed(self) -> int:
        """Return the seed."""


Run = TypeVar("Run", bound=Whose)


def in_order(spec: ImportSpec, runs: Sequence[Run]) -> list[Run]:
    """Return runs by arm and seed: arms in the order of the mapping file's `arms`, then as they were given. The first is the baseline
    unless the import names one."""
    arms = list(dict.fromkeys([*(listed.name for listed in spec.arms), *(run.arm for run in runs)]))
    return sorted(runs, key=lambda run: (arms.index(run.arm), run.seed))


def study_manifest(
    name: str, spec: ImportSpec, runs: Sequence[tuple[str, int]], files: Collection[Path]
) -> dict[str, Any]:
    """Return the manifest of runs (arm and seed) that were read from files, still without its primary metric. Raises
    UserError for an arm without runs."""
    arms = list(dict.fromkeys(arm for arm, _ in runs))
    listed = {arm.name: arm for arm in spec.arms}
    against = [arm.against for arm in spec.arms if arm.against is not None]
    for given in (*listed, *against, *([spec.baseline] if spec.baseline else ())):
        if given not in arms:
            raise unknown("arm", given, arms)
    return {
        "study": name,
        "preset": IMPORTED,
        "title": spec.title or name,
        "question": spec.question or "Imported logs.",
        "baseline": spec.baseline or arms[0],
        "test": "welch",
        **({} if spec.smallest_effect is None else {"smallest_effect": spec.smallest_effect}),
        "primary": {"mode": LOGGED, "temperature": 0.0},
        "gates": {},
        "imported": {
            "sources": [_source(file) for file in sorted(files)],
            "base": spec.base,
            "claims": list(spec.claims),
            "reference": spec.reference,
        },
        "arms": [
            _arm(
                listed.get(arm, ArmSpec(name=arm)),
                [seed for of, seed in runs if of == arm],
                spec.baseline or arms[0],
            )
            for arm in arms
        ],
    }


def _arm(arm: ArmSpec, seeds: list[int], baseline: str) -> dict[str, Any]:
    return {
        "name": arm.name,
        "label": arm.label or arm.name,
        "role": arm.role,
        "cell": "imported",
        "seeds": seeds,
        "overrides": [],
        "copy_of": (arm.against or baseline) if arm.role == "aa" else None,
        "against": arm.against,
        "target_clip_frac": None,
    }


def _source(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": clean(f"{path.parent.name}/{path.name}"), "sha256": digest, "bytes": path.stat().st_size}


def record_of(arm: str, seed: int, base: str | None) -> dict[str, Any]:
    """Return the record of a done run, with empty values for keys that only our own runs log."""
    about = {"arm": arm, "seed": seed, "cell": "imported", "status": DONE, "versions": {}, "base": base}
    return {**dict.fromkeys(NOT_LOGGED.split()), **about}
