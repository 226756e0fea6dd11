"""`import NAME --from-wandb FOLDER`: the compact logs of a study from the W&B mirrors of its runs, equal to those from run folders.

Content that mirrors lack is missing there: sampled responses with their ratios, and curves by question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.importers.limits import clean
from analysis.importers.mirrors.plan import choose_plan
from analysis.importers.mirrors.read import Mirrored, find_mirrors
from analysis.importers.mirrors.runs import read_run
from analysis.importers.spec import check_name
from analysis.logs.manifest import IMPORTED, MIRRORED, from_manifest, report_folder
from analysis.logs.run_folders import COUNTED, write_read
from sspo.errors import UserError

YARDSTICK = ("baseline",)
"""Keys of a plan that an import may change; the report then notes it."""


def import_mirrors(
    name: str,
    folders: Sequence[Path],
    out: Path,
    *,
    plan: str | None = None,
    said: Mapping[str, str | None] | None = None,
) -> tuple[Path, str]:
    """Write the compact logs of study `name` from the mirrors below folders, and return their folder and what was read, in words.

    `said` may hold title, question and baseline. Raises UserError if there are no mirrors, if the plan is not known, or if no
    run counts.
    """
    check_name("study", name)
    mirrors, others = find_mirrors(folders)
    manifest = _manifest(name, choose_plan(mirrors, name, plan), mirrors, said or {})
    study = from_manifest(manifest)
    there = {(mirror.cell, mirror.seed): mirror for mirror in mirrors}
    read = [
        read_run(arm.name, arm.cell, seed, there.get((arm.cell, seed)))
        for arm in study.arms
        for seed in arm.seeds
    ]
    counted = [run for run in read if run.record["status"] in COUNTED]
    if not counted:
        raise UserError(
            f"none of the {len(read)} runs of {name} counts (the first: {read[0].record['reason']}): import mirrors of runs that finished"
        )
    if not any(run.evaluation.num_rows for run in counted):
        raise UserError(
            "these mirrors hold no answers: their runs were trained by a version whose mirrors had none"
        )
    folder = report_folder(out, name, IMPORTED) / "logs"
    write_read(folder, manifest, read)
    return folder, f"{len(counted)} of {len(read)} runs, from {len(mirrors)} mirrors{_beside(others)}"


def _beside(others: int) -> str:
    return f"; {others} other W&B runs there cannot be imported as mirrors" if others else ""


def _manifest(
    name: str, plan: Mapping[str, Any], mirrors: Sequence[Mirrored], said: Mapping[str, str | None]
) -> dict[str, Any]:
    given = {key: value for key, value in said.items() if value is not None}
    changed = [key for key in YARDSTICK if key in given and "study" in plan and given[key] != plan.get(key)]
    mine = {(arm.get("cell"), seed) for arm in plan["arms"] for seed in arm.get("seeds", ())}
    used = [mirror for mirror in mirrors if (mirror.cell, mirror.seed) in mine]
    return {
        "title": name,
        "question": "Imported from W&B mirrors.",
        "gates": {},
        **plan,
        **given,
        "study": name,
        "preset": IMPORTED,
        "amended_after_runs": bool(changed) or bool(plan.get("amended_after_runs")),
        "imported": {
            MIRRORED: str(plan.get("preset") or ""),
            "sources": [_source(mirror.path) for mirror in used],
        },
        "arms": [{"label": arm.get("name"), "overrides": [], **arm} for arm in plan["arms"]],
    }


def _source(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": clean(f"{path.parent.name}/{path.name}"), "sha256": digest, "bytes": path.stat().st_size}
