"""Studies on disk: `load` reads conf/study/<name>.yaml and refuses, in one sentence, what makes no sense.

What a spec may hold is in spec.py, what is refused without composing anything in checks.py; what only composing can
show (bad overrides, twin arms, a primary score that no run has) is refused by plan.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sspo.build import build
from sspo.errors import UserError, unknown
from sspo.yaml_file import read_yaml
from sweeps.checks import check
from sweeps.spec import Arm, Preset, Study, StudyHead

NAME = re.compile(r"[a-z][a-z0-9_]*")


def study_names(folder: Path) -> list[str]:
    """The studies that a folder of specs holds."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load(folder: Path, name: str) -> Study:
    """The study `<folder>/<name>.yaml`. Raises UserError in one sentence that names the file."""
    names = study_names(folder)
    if name not in names:
        raise unknown("study", name, names)
    path = folder / f"{name}.yaml"
    content = read_yaml(path)
    try:
        return parse(name, content)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error


def parse(name: str, content: Mapping[str, Any]) -> Study:
    """A study from plain values. Raises UserError for the first one that makes no sense."""
    keys = [*StudyHead.__dataclass_fields__, "arms", "presets"]
    for key in content:
        if key not in keys:
            raise unknown("key", key, keys)
    head = {key: value for key, value in content.items() if key not in ("arms", "presets")}
    study = Study(
        name=name,
        head=build(StudyHead, _with_temperature(head)),
        arms={key: build(Arm, value, f"arms.{key}.") for key, value in _named(content, "arms").items()},
        presets={
            key: build(Preset, value, f"presets.{key}.") for key, value in _named(content, "presets").items()
        },
    )
    check(study)
    return study


def _with_temperature(head: Mapping[str, Any]) -> Mapping[str, Any]:
    """Greedy decoding is temperature 0, which a spec need not say."""
    primary = head.get("primary")
    if isinstance(primary, Mapping) and primary.get("mode") == "greedy":
        return {**head, "primary": {"temperature": 0.0, **primary}}
    return head


def _named(content: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """A non-empty mapping of names to mappings; a name with nothing below it takes every default."""
    value = content.get(key)
    if not isinstance(value, Mapping) or not value:
        raise UserError(f"{key} must name at least one entry, got {value!r}")
    for name, inner in value.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(
                f"{key}: a name is lower-case letters, digits and '_', letters first, got {name!r}"
            )
        if inner is not None and not isinstance(inner, Mapping):
            raise UserError(f"{key}.{name} is a group of options, got {inner!r}")
    return {name: dict(inner or {}) for name, inner in value.items()}
