"""The study manifest: the cells and seeds of each arm. It is written before anything runs; analysis reads it and never guesses
from paths."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.config.study_file import study_file, written_sha256
from sspo.errors import UserError
from sspo.runs.identity import cell_folder
from sspo.runs.runlog import write_atomic
from sweeps.ledger.state import read_json, standing
from sweeps.plan.arms import PlannedArm
from sweeps.plan.carried import carrying, rebuilt
from sweeps.plan.dropped_arms import Former, former_arms, former_content, sentence
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.promises import promised, promises
from sweeps.plan.tuned import content_of, stem_of
from sweeps.study.factors import Factor

REMEDY = "delete it and it is written again"


@dataclass(frozen=True, kw_only=True)
class _ListedArm:
    """The entries of an arm in a manifest on disk that bear on its results."""

    name: str
    cell: str
    seeds: tuple[int, ...]
    against: str | None
    target_clip_frac: float | None
    levels: Mapping[int, str]

    @property
    def promise(self) -> tuple[str | None, float | None]:
        """Return the reference that it is tested against, and the clip fraction that it was matched to."""
        return self.against, self.target_clip_frac


def stem(plan: Plan) -> str:
    """Return `<study>` for the default preset, `<study>.<preset>` for others, so that presets cannot mix."""
    return stem_of(plan.study.name, plan.preset)


def manifest_path(plan: Plan) -> Path:
    """Return `<store>/studies/<stem>.json`."""
    return plan.store / "studies" / f"{stem(plan)}.json"


def content(plan: Plan) -> dict[str, Any]:
    """Return the content of the manifest. Raises UserError if the one on disk cannot be read."""
    study, before = plan.study, _before(plan)
    return {
        "study": study.name,
        "preset": plan.preset,
        "title": study.head.title or study.name,
        "question": study.head.question,
        **promises(study.head),
        "claims": list(study.head.claims),
        "reference": study.head.reference,
        "amended_after_runs": _amended(plan, before),
        "spec_sha256": study.sha256(),
        **({"written_sha256": written} if (written := written_sha256(study_file(study.name))) else {}),
        "factors": [_factor(name, factor) for name, factor in study.factors.items()],
        "arms": [_arm(plan, arm) for arm in plan.arms],
        **_tuning(plan),
        "former_arms": former_content(_former(plan, before)),
    }


def former_sentence(plan: Plan) -> str | None:
    """Return a sentence that names the kept cells of earlier manifests that no longer belong to the study; None if all belong."""
    return sentence(plan.store, plan.title(), _former(plan, _before(plan)))


def is_current(plan: Plan) -> bool:
    """Return whether the manifest on disk equals that of the plan."""
    return _read(manifest_path(plan)) == content(plan)


def write_manifest(plan: Plan) -> None:
    """Write the manifest atomically; an equal file is left untouched. Raises UserError if it cannot be written."""
    if is_current(plan):
        return
    path, text = manifest_path(plan), json.dumps(content(plan), indent=1, ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    except OSError as error:
        raise UserError(
            f"cannot write the manifest {path}: {error.strerror}; fix that, or pass a writable folder with --store"
        ) from error


def ordered(plan: Plan, trials: Sequence[Trial] | None = None) -> list[Trial]:
    """Return the plan's trials, or the given ones, with the record that their runs are to carry. Call it after the manifest is written."""
    before = _read(manifest_path(plan)) or {}
    return carrying(
        plan,
        plan.trials() if trials is None else trials,
        amended=bool(before.get("amended_after_runs")),
    )


def _amended(plan: Plan, before: Mapping[str, Any] | None) -> bool:
    """Return whether the promises were ever changed when results of the manifest's own trials already existed."""
    if before is None:
        return False
    arms = _listed_arms(plan, before)
    changed = promised(before) != promised(promises(plan.study.head))
    return bool(before.get("amended_after_runs")) or (
        (changed or _promised_otherwise(plan, arms)) and _has_results(plan, arms)
    )


def _former(plan: Plan, before: Mapping[str, Any] | None) -> list[Former]:
    if before is None:
        return []
    listed = [
        Former(name=arm.name, cell=arm.cell, seeds=arm.seeds)
        for arm in (*_listed_arms(plan, before, "former_arms"), *_listed_arms(plan, before))
    ]
    current = {(arm.cell, seed) for arm in plan.everyone for seed in arm.seeds}
    return former_arms(plan.store, listed, current)


def _promised_otherwise(plan: Plan, arms: Sequence[_ListedArm]) -> bool:
    """Return whether a cell's reference, or the clip fraction that it is matched to, differs from before."""
    now: dict[str, set[tuple[str | None, float | None]]] = {}
    for planned in plan.arms:
        now.setdefault(planned.cell, set()).add((planned.against, planned.target_clip_frac))
    return any(arm.cell in now and arm.promise not in now[arm.cell] for arm in arms)


def _has_results(plan: Plan, arms: Sequence[_ListedArm]) -> bool:
    folders = (
        cell_folder(plan.store, arm.cell, seed, arm.levels.get(seed, ""))
        for arm in arms
        for seed in arm.seeds
    )
    return any(standing(folder).state in ("done", "failed") for folder in folders)


def _listed_arms(plan: Plan, manifest: Mapping[str, Any], key: str = "arms") -> list[_ListedArm]:
    if key not in manifest and key == "former_arms":
        return []  # a manifest older than this key
    try:
        return [
            _ListedArm(
                name=str(arm["name"]),
                cell=str(arm["cell"]),
                seeds=tuple(map(int, arm["seeds"])),
                against=arm.get("against"),
                target_clip_frac=arm.get("target_clip_frac"),
                levels={int(seed): str(level) for seed, level in (arm.get("levels") or {}).items()},
            )
            for arm in manifest[key]
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{manifest_path(plan)} is damaged: it does not list its arms; {REMEDY}") from error


def _before(plan: Plan) -> dict[str, Any] | None:
    """Return the manifest on disk; if it is gone, the one rebuilt from its runs."""
    there = _read(manifest_path(plan))
    return rebuilt(plan) if there is None else there


def _read(path: Path) -> dict[str, Any] | None:
    """Read the manifest on disk; None if there is none."""
    return read_json(path, REMEDY)


def _arm(plan: Plan, arm: PlannedArm) -> dict[str, Any]:
    levels = {str(seed): level for seed in arm.seeds if (level := plan.level(arm, seed))}
    return {
        "name": arm.name,
        "label": arm.label,
        "role": arm.role,
        "cell": arm.cell,
        "seeds": list(arm.seeds),
        "overrides": list(arm.overrides),
        "copy_of": arm.copy_of,
        "against": arm.against,
        "target_clip_frac": arm.target_clip_frac,
        "factors": dict(arm.factors),
        **({"levels": levels} if levels else {}),
    }


def _tuning(plan: Plan) -> dict[str, Any]:
    """Return the entry on tuning: what was fixed before it, the trials and points so far, and the runs of pilots and defaults."""
    tune = plan.study.tuning(plan.preset)
    if tune is None:
        return {}
    so_far = content_of(plan.tuning) if plan.tuning is not None else {"settled": False, "arms": {}}
    parts = {"pilots": plan.pilots, "default": plan.defaults}
    listed = {key: [_arm(plan, arm) for arm in arms] for key, arms in parts.items()}
    return {"tuning": {**tune.content(), **so_far, **listed}}


def _factor(name: str, factor: Factor) -> dict[str, Any]:
    """Return a factor with its levels in order, as tables and plots need them."""
    levels = [{"name": level, "label": own.label or level} for level, own in factor.levels.items()]
    return {"name": name, "label": factor.label or name, "levels": levels}
