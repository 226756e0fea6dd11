"""The study manifest: which cells and seeds are whose. Written before anything runs; analysis reads it and no path."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sspo.runlog import write_atomic
from sweeps.plan import Plan, PlannedArm
from sweeps.study import DEFAULT_PRESET


def stem(plan: Plan) -> str:
    """`<study>` for the default preset, `<study>.<preset>` for others, so that presets cannot mix."""
    return plan.study.name if plan.preset == DEFAULT_PRESET else f"{plan.study.name}.{plan.preset}"


def manifest_path(plan: Plan) -> Path:
    """`<store>/studies/<stem>.json`."""
    return plan.store / "studies" / f"{stem(plan)}.json"


def content(plan: Plan) -> dict[str, Any]:
    """What the manifest holds."""
    study, head = plan.study, plan.study.head
    return {
        "study": study.name,
        "preset": plan.preset,
        "title": head.title or study.name,
        "question": head.question,
        "baseline": head.baseline,
        "test": head.test,
        "primary": asdict(head.primary),
        "gates": {**asdict(head.gates), "token_arm": head.gates.token_arm or head.baseline},
        "spec_sha256": study.sha256(),
        "arms": [_arm(arm) for arm in plan.arms],
    }


def is_current(plan: Plan) -> bool:
    """Whether the manifest on disk already says what the plan says."""
    path = manifest_path(plan)
    return path.is_file() and path.read_text(encoding="utf-8") == _text(plan)


def write_manifest(plan: Plan) -> None:
    """Write the manifest whole; the file is left untouched where it already says the same."""
    if not is_current(plan):
        path = manifest_path(plan)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, _text(plan))


def _text(plan: Plan) -> str:
    return json.dumps(content(plan), indent=1, ensure_ascii=False) + "\n"


def _arm(arm: PlannedArm) -> dict[str, Any]:
    return {
        "name": arm.name,
        "label": arm.label,
        "role": arm.role,
        "cell": arm.cell,
        "seeds": list(arm.seeds),
        "overrides": list(arm.overrides),
        "copy_of": arm.copy_of,
    }
