"""`sweeps register`: fix a study before its first run, and record later changes as amendments."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from analysis.registration.changes import differences, span
from analysis.registration.marks import minutes
from analysis.registration.record import (
    Amendment,
    Registration,
    fewest_seeds,
    looks_of,
    runs_of,
    write_registration,
)
from sspo.config.json_file import read_json
from sspo.errors import NotHere, UserError
from sspo.runs.carried import utc_now
from sspo.runs.identity import code_level, folders_of
from sspo.runs.revision import revision
from sspo.runs.runlog import CONFIG, DONE, FAILED
from sweeps.plan.plan import Plan, make_plan
from sweeps.plan.registered import plan_content, registration_of

PACKAGES = ("numpy", "scipy", "torch", "transformers")
RESULTS = ("done", "diverged", "failed")
NAMED = 3
"""Number of runs that a refusal names; the rest are counted."""


def register(plan: Plan, reports: Path, console: Console) -> int:
    """Register a plan, or amend its registration. Returns 0.

    Raises UserError if a run of the plan has started, if another preset would be an unplanned look at its data, if another preset
    of the study is registered, and if the registration cannot be read or written.
    """
    there, content = registration_of(plan), {**plan_content(plan), "claims": _claims(plan.study.head.claims)}
    _refuse_looks(plan)
    if there is None:
        _refuse_begun(plan, reports)
        made = Registration(
            study=plan.study.name,
            preset=plan.preset,
            time=utc_now(),
            plan=content,
            stopping=_stopping(content),
            versions=_versions(),
        ).sealed()
        path = write_registration(made, plan.registrations)
        path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        line = f"registered {plan.title()}: {path}, digest {made.short}; commit it before the first run"
    elif there.preset != plan.preset:
        raise UserError(
            f"preset {there.preset} of {plan.study.name} has been registered since {minutes(there.time)}, and a study has only one "
            f"registration; to register preset {plan.preset}, copy the study under a different name"
        )
    elif changes := differences(there.latest, content):
        line = _amend(plan, reports, there, changes, content)
    else:
        line = f"{plan.title()} is already registered without changes: digest {there.short}, {minutes(there.time)}"
    console.print(Text(line), soft_wrap=True)
    return 0


def _amend(
    plan: Plan, reports: Path, there: Registration, changes: Sequence[str], content: Mapping[str, Any]
) -> str:
    runs = {**runs_of(there.plan), **runs_of(there.latest), **runs_of(content)}
    after = any(True for _ in _begun(plan, runs, reports))
    amendment = Amendment(time=utc_now(), after_results=after, changes=tuple(changes), plan=content)
    write_registration(there.amended(amendment), plan.registrations)
    when = "after runs had started, which every report will mention" if after else "before any run"
    return f"amended the registration of {plan.title()}, {when}: {', '.join(changes)}"


def _refuse_begun(plan: Plan, reports: Path) -> None:
    runs = runs_of(plan_content(plan)) | {(a.cell, seed): a.name for a in plan.pilots for seed in a.seeds}
    begun = list(_begun(plan, runs, reports))
    if begun:
        named = ", ".join(begun[:NAMED]) + (f" and {len(begun) - NAMED} more" if begun[NAMED:] else "")
        raise UserError(
            f"{plan.title()} can no longer be registered: {named} {'has' if len(begun) == 1 else 'have'} already started or "
            f"ended; {'copy the study under a new name with other pilot seeds' if plan.pilots else 'use seeds that have not been run'}"
        )


def _begun(plan: Plan, runs: Mapping[tuple[str, int], str], reports: Path) -> Iterator[str]:
    """Describe those of these runs that have started in the store or have a result in a report's compact logs."""
    reported = dict(_reported(reports))
    for (cell, seed), arm in runs.items():
        for folder in folders_of(plan.store, cell, seed).values():
            if any((folder / name).exists() for name in (CONFIG, DONE, FAILED)):
                yield f"{arm} seed {seed} ({folder})"
                break
        else:
            if (cell, seed) in reported:
                yield f"{arm} seed {seed} ({reported[cell, seed]})"


def _reported(reports: Path) -> Iterator[tuple[tuple[str, int], Path]]:
    for path in sorted(reports.glob("*/logs/runs.json")):
        records: Any = read_json(path, "restore it from git")
        for record in records if isinstance(records, list) else ():
            if isinstance(record, dict) and record.get("status") in RESULTS:
                yield (str(record.get("cell")), int(record.get("seed", -1))), path


def _refuse_looks(plan: Plan) -> None:
    """Raise UserError if another preset shares seeds with this one, and so would be a look at its data, without being a planned look."""
    mine, planned = runs_of(plan_content(plan)), plan.study.head.looks
    for name in plan.study.presets:
        if name == plan.preset:
            continue
        try:
            other = make_plan(plan.study, name, plan.store, untuned=True)
        except NotHere:  # its model is not on this machine
            continue
        content = plan_content(other)
        shared = {seed for cell, seed in runs_of(content) if (cell, seed) in mine}
        if shared and fewest_seeds(content) not in planned:
            raise UserError(
                f"preset {name} of {plan.study.name} shares seed{'s' if len(shared) > 1 else ''} {span(list(shared))} with preset "
                f"{plan.preset}: its report would be a look at the registered data; give it different seeds, or plan that look "
                f"(looks: [{fewest_seeds(content)}])"
            )


def _claims(wanted: Sequence[str]) -> dict[str, Any]:
    """Return the SHA-256 of each file of conf/claims that the study names, with a digest of each claim."""
    # imports pandas and scipy, which no other command of sweeps loads
    from analysis.claims.files import claim_files
    from analysis.claims.spec import claim_digest, load_claims

    found = {}
    for path in (path for path in claim_files() if path.stem in wanted):
        claims = {name: claim_digest(claim) for name, claim in load_claims(path).claims.items()}
        found[path.name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "claims": claims}
    return found


def _stopping(content: Mapping[str, Any]) -> str:
    """Return the stopping rule in words."""
    end, looks = fewest_seeds(content), looks_of(content)
    first = _tuning(content)
    if not looks:
        return f"{first}One test, when every run has ended, at {end} seeds per arm; nothing is tested before."
    numbers = ", ".join(map(str, looks))
    return (
        f"{first}Tests at {numbers} and, when every run has ended, {end} seeds per arm; together they err in 5% of studies without a "
        "difference, with O'Brien-Fleming spending (Lan and DeMets, two-sided). Nothing is tested at other times."
    )


def _tuning(content: Mapping[str, Any]) -> str:
    """Return how points are chosen before the tests, in words; empty for a study that tunes nothing."""
    if "tuning" not in content:
        return ""
    (unit, amount), seeds = next(iter(content["tuning"]["budget"].items())), content["tuning"]["seeds"]
    return (
        f"Every arm is tuned first with {amount:g} {unit.replace('_', ' ')} on seeds {span(seeds)}, which no test uses, and runs at the point "
        "that the fit over these trials chooses. "
    )


def _versions() -> dict[str, Any]:
    found = {
        "revision": revision(),
        "code": code_level() or "first epoch",
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
