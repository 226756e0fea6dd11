"""The record of its plan that each run carries, and a manifest rebuilt from these records if the file is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

from sspo.config.json_file import parse_json
from sspo.runs.carried import PLANNED, UNKNOWN
from sweeps.ledger.state import seen
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.promises import promised, promises
from sweeps.plan.registered import carried_digests, registration_of

OF_ARM = ("cell", "against", "target_clip_frac")


def carrying(plan: Plan, trials: Sequence[Trial], *, amended: bool) -> list[Trial]:
    """Return the plan's trials, each with the record that its run is to carry.

    `amended`: whether the manifest states that the promises were changed after results existed.
    """
    arms = {arm.name: arm for arm in plan.everyone}
    digests = carried_digests(plan, registration_of(plan))
    fixed = {
        "study": plan.study.name,
        "preset": plan.preset,
        "promises": promises(plan.study.head),
        "amended": amended,
    }
    found = []
    for trial in trials:
        arm = arms[trial.arm]
        content = {
            **fixed,
            **UNKNOWN,
            "arm": arm.name,
            "label": arm.label,
            "role": arm.role,
            "cell": arm.cell,
            "seed": trial.seed,
            "level": trial.level,
            "against": arm.against,
            "target_clip_frac": arm.target_clip_frac,
            **digests.get((arm.cell, trial.seed), {}),
        }
        found.append(replace(trial, carries=json.dumps(content)))
    return found


def rebuilt(plan: Plan) -> dict[str, Any] | None:
    """Rebuild the manifest of this study and preset from its runs; None if no run in the store carries a record of it."""
    runs = list(_runs_of(plan))
    if not runs:
        return None
    now = promised(promises(plan.study.head))
    results = [carried for carried, folder in runs if seen(folder).state in ("done", "failed")]
    amended = any(carried.get("amended") for carried, _ in runs) or any(
        promised(carried["promises"]) != now for carried in results
    )
    return {**now, "amended_after_runs": amended, "arms": _arms([carried for carried, _ in runs])}


def _arms(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return arms as a manifest lists them; an arm whose reference changed over time is listed once per reference."""
    arms: dict[str, dict[str, Any]] = {}
    for carried in runs:
        listed = {"name": carried["arm"], **{key: carried[key] for key in OF_ARM}}
        arm = arms.setdefault(json.dumps(listed, sort_keys=True), {**listed, "seeds": [], "levels": {}})
        arm["seeds"].append(carried["seed"])
        if carried["level"]:
            arm["levels"][str(carried["seed"])] = carried["level"]
    return list(arms.values())


def _runs_of(plan: Plan) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield what each run in the store carries of this study and preset, with its folder, by cell and seed.

    A damaged file is skipped, as reports skip it.
    """
    cells, name = plan.store / "cells", json.dumps(plan.study.name).encode()
    for path in sorted([*cells.glob(f"*/seed*/{PLANNED}"), *cells.glob(f"*/*/seed*/{PLANNED}")]):
        try:
            text = path.read_bytes()
            carried = parse_json(text) if name in text else None
        except (OSError, ValueError):
            continue
        if _whole(carried) and (carried["study"], carried["preset"]) == (plan.study.name, plan.preset):
            yield carried, path.parent


def _whole(carried: Any) -> TypeGuard[dict[str, Any]]:
    wanted = {"study", "preset", "arm", "seed", "level", "promises", *OF_ARM}
    return isinstance(carried, dict) and wanted <= carried.keys() and isinstance(carried["promises"], dict)
