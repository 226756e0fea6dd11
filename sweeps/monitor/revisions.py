"""Warnings if the code and packages of a study's finished runs differ from each other or from this environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.runs.runlog import DONE, ENVIRONMENT
from sweeps.ledger.state import read_json
from sweeps.monitor.terminal import listed
from sweeps.plan.plan import Trial

SHORT = 10
NUMERIC = ("torch", "transformers", "numpy")
"""Packages whose versions can change numbers."""


def warnings(trials: Sequence[Trial]) -> list[str]:
    """Return sentences on finished runs made by code that is not proven equal, or with package versions that differ from these."""
    finished, damaged = [], []
    for trial in trials:
        if (trial.folder / DONE).is_file():
            try:
                finished.append(_environment(trial.folder / ENVIRONMENT))
            except UserError as error:
                damaged.append(str(error))
    lines = [_mixed_code(finished), _other_versions(finished)]
    lines += [f"warning: finished runs whose code is unknown: {listed(damaged)}"] if damaged else []
    return [line for line in lines if line is not None]


def _environment(path: Path) -> dict[str, Any]:
    """Read the environment of a run. Raises UserError if it is damaged."""
    found = read_json(path) or {}
    if not isinstance(found.get("versions") or {}, dict):
        raise UserError(f"{path} is damaged: its versions do not map names to versions")
    return found


def code_of(environment: dict[str, Any]) -> str:
    """Return the epoch that a run belongs to; for a run older than epochs, the shortened hash of its code."""
    return str(environment.get("epoch") or str(environment.get("code_sha256") or "unknown")[:SHORT])


def _mixed_code(finished: Sequence[dict[str, Any]]) -> str | None:
    counts = Counter(map(code_of, finished))
    if len(counts) < 2:
        return None
    parts = ", ".join(f"{runs} runs from code {code}" for code, runs in counts.most_common())
    return f"warning: finished runs mix versions of the code: {parts}"


def _other_versions(finished: Sequence[dict[str, Any]]) -> str | None:
    here = {name: _version(name) for name in NUMERIC}
    found = Counter(
        f"{name} {theirs}"
        for environment in finished
        for name, theirs in (_chosen(environment).get("versions") or {}).items()
        if name in here and here[name] is not None and theirs != here[name]
    )
    if not found:
        return None
    parts = ", ".join(f"{runs} with {package}" for package, runs in sorted(found.items()))
    own = ", ".join(f"{name} {found}" for name, found in here.items())
    return f"warning: finished runs were made with package versions that differ from these ({own}): {parts}"


def _chosen(environment: dict[str, Any]) -> dict[str, Any]:
    """Return the environment that whoever started the run has chosen: a job of verl has one of its own."""
    found = environment.get("parent")
    return found if isinstance(found, dict) else environment


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
