"""What the studies of a store say of a run: the arm that it is, and what the study asks of its arms.

A sweep writes manifests into the store before anything runs; a mirror carries them, so that a table can be made from
mirrors alone. Overrides stay behind, as they may name places on this machine, and of a place in a title the last part is left.
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
"""Which hold the words of a command line where a multirun was the study."""
PLACE = re.compile(r"""(?<![\w.~/-])(?:~[\w.-]*)?/(?:[^/,;'"()\[\]{}=]+/)*(?=[^\s/])""")
"""The folders of an absolute path, wherever it stands in a text."""
OF_ARM = ("name", "label", "role", "cell", "seeds", "copy_of", "against", "target_clip_frac", "factors")


def plans_of(config: TrainConfig) -> list[dict[str, Any]]:
    """The plans of the run's study that hold it, by preset; none where no sweep ordered it, or none can be read."""
    if not config.run.study:
        return []
    whose = (config.run.study, cell_hash(config), config.seed)
    found = sorted((Path(config.run.store) / "studies").glob("*.json"))
    return [plan for path in found for plan in _read(path) if _holds(plan, *whose)]


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The plan of a manifest; of a damaged one, which is no reason not to train, that it cannot be read."""
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
