"""The plans of a store's studies for a run: its arm, and the study's tests of its arms.

A sweep writes manifests into the store before anything runs; a mirror carries them, so that a table can be made from
mirrors alone. Overrides are omitted, because they may name places on this machine; of a path in a title only the last
part is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sspo.config import TrainConfig
from sspo.config.json_file import read_json
from sspo.errors import UserError
from sspo.runs.identity import cell_hash

OF_STUDY = (
    "study",
    "preset",
    "title",
    "question",
    "baseline",
    "test",
    "primary",
    "gates",
    "smallest_effect",
    "looks",
    "claims",
    "reference",
    "amended_after_runs",
    "factors",
)
TEXTS = ("title", "question", "label")
"""Fields that hold the words of a command line if the study is a multirun."""
PLACE = re.compile(r"""(?<![\w.~/-])(?:~[\w.-]*)?/(?:[^/,;'"()\[\]{}=]+/)*(?=[^\s/])""")
"""The folders of an absolute path anywhere in a text."""
OF_ARM = ("name", "label", "role", "cell", "seeds", "copy_of", "against", "target_clip_frac", "factors")


def plans_of(config: TrainConfig) -> list[dict[str, Any]]:
    """Return the plans of the run's study that contain it, by preset; empty if no sweep ordered it, or none can be
    read.
    """
    if not config.run.study:
        return []
    whose = (config.run.study, cell_hash(config), config.seed)
    found = sorted((Path(config.run.store) / "studies").glob("*.json"))
    return [plan for path in found for plan in _read(path) if _holds(plan, *whose)]


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the plan of a manifest; for a damaged one, which is no reason to stop training, the fact that it cannot be
    read.
    """
    try:
        content = read_json(path, "plan the study again")
        yield {**_part(content, OF_STUDY), "arms": [_part(arm, OF_ARM) for arm in content["arms"]]}
    except (UserError, OSError, KeyError, TypeError):
        yield {"unreadable": path.name, "arms": []}


def _part(content: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: _shown(key, content[key]) for key in keys if key in content}


def _shown(key: str, value: Any) -> Any:
    return PLACE.sub("", value) if key in TEXTS and isinstance(value, str) else value


def _holds(plan: Mapping[str, Any], study: str, cell: str, seed: int) -> bool:
    mine = plan.get("study") == study and any(
        arm.get("cell") == cell and seed in (arm.get("seeds") or ()) for arm in plan["arms"]
    )
    return mine or "unreadable" in plan
