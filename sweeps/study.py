"""A study: named arms, a baseline, a test fixed before any run, and presets that say how many seeds.

Every default of a spec stands here once. `load` reads conf/study/<name>.yaml and refuses, in one sentence, what makes
no sense without composing anything; what only composing can show (bad overrides, twin arms) is refused by plan.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sspo.config import build
from sspo.errors import UserError, unknown
from sweeps.yaml_file import read_yaml

ROLES = ("arm", "base", "no_clip", "aa")
TESTS = ("paired", "welch")
MODES = ("greedy", "sampled")
DEFAULT_PRESET = "default"
PRESETS = ("smoke", DEFAULT_PRESET, "paper")
NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = re.compile(r"[+~]*(seed|run)\b")


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The score that arms are compared on: the mean over evaluation sets at the last step."""

    mode: str = "sampled"
    temperature: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Thresholds of the checks that make a study informative; analysis applies them."""

    token_arm: str | None = None
    """The arm with token-level ratios whose clip fraction shows whether clipping acts; None for the baseline."""
    base_max: float = 0.60
    """Largest score of the untrained base, greedy and at T = .5, that leaves room to learn, as a share."""
    no_clip_margin: float = 0.20
    """Share by which the arm without clipping must lose to the best arm."""
    token_clip_min: float = 0.005
    """Least clip fraction of the token arm over tokens with A != 0 on the last update of a rollout."""
    ceiling: float = 0.95
    floor: float = 0.05
    min_tokens: float = 50
    """Least mean response length, tokens."""
    min_segments: float = 8
    """Least mean number of segments a response."""
    min_cv: float = 0.5
    """Least coefficient of variation of segment lengths."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One row of the study's table."""

    role: str = "arm"
    label: str = ""
    """How reports call the arm; its name where empty."""
    overrides: tuple[str, ...] = ()
    copy_of: str | None = None
    """Another arm whose cell this one repeats, under its own seeds."""
    seed_offset: int = 0
    """Added to every seed."""
    seeds: tuple[int, ...] | None = None
    """Instead of the preset's seeds."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A size of the study."""

    arms: tuple[str, ...] | None = None
    """A subset of the arms; None for all."""
    seeds: tuple[int, ...] = ()
    overrides: tuple[str, ...] = ()
    """Applied to every arm before the arm's own, so that an arm's own difference wins."""


@dataclass(frozen=True, kw_only=True)
class StudyHead:
    """What a study says of itself besides its arms and presets."""

    title: str = ""
    question: str = ""
    baseline: str = ""
    test: str = "paired"
    primary: Primary = field(default_factory=Primary)
    gates: Gates = field(default_factory=Gates)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A validated spec."""

    name: str
    head: StudyHead
    arms: Mapping[str, Arm]
    presets: Mapping[str, Preset]

    def sha256(self) -> str:
        """Hash of what the spec means: comments, layout and spelled-out defaults do not change it."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


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
        head=build(StudyHead, head),
        arms={key: build(Arm, value, f"arms.{key}.") for key, value in _named(content, "arms").items()},
        presets={
            key: build(Preset, value, f"presets.{key}.") for key, value in _named(content, "presets").items()
        },
    )
    _check_head(study)
    for key, arm in study.arms.items():
        _check_arm(study, key, arm)
    for key, preset in study.presets.items():
        _check_preset(study, key, preset)
    return study


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


def _check_head(study: Study) -> None:
    head = study.head
    _choose("test", head.test, TESTS)
    _choose("primary.mode", head.primary.mode, MODES)
    _choose("arm as baseline", head.baseline, study.arms)
    if head.gates.token_arm is not None:
        _choose("arm as gates.token_arm", head.gates.token_arm, study.arms)


def _check_arm(study: Study, name: str, arm: Arm) -> None:
    _choose(f"arms.{name}.role", arm.role, ROLES)
    _check_overrides(f"arms.{name}.overrides", arm.overrides)
    if arm.seeds is not None:
        _check_seeds(f"arms.{name}.seeds", arm.seeds)
    if arm.seed_offset < 0:
        raise UserError(f"arms.{name}.seed_offset must be at least 0, got {arm.seed_offset}")
    if arm.copy_of is None:
        return
    _choose(f"arm as arms.{name}.copy_of", arm.copy_of, study.arms)
    if study.arms[arm.copy_of].copy_of is not None:
        raise UserError(
            f"arms.{name}.copy_of: '{arm.copy_of}' is itself a copy; name the arm with the overrides"
        )
    if arm.overrides:
        raise UserError(
            f"arms.{name} is a copy of '{arm.copy_of}' and takes its overrides, so it has none of its own"
        )


def _check_preset(study: Study, name: str, preset: Preset) -> None:
    _choose("preset", name, PRESETS)
    _check_seeds(f"presets.{name}.seeds", preset.seeds)
    _check_overrides(f"presets.{name}.overrides", preset.overrides)
    for arm in preset.arms or ():
        _choose(f"arm in presets.{name}.arms", arm, study.arms)
    if preset.arms is not None and (not preset.arms or len(set(preset.arms)) < len(preset.arms)):
        raise UserError(f"presets.{name}.arms must name each of its arms once, got {list(preset.arms)}")


def _choose(kind: str, value: str, valid: Sequence[str] | Mapping[str, Any]) -> None:
    if value not in valid:
        raise unknown(kind, value, valid)


def _check_seeds(key: str, seeds: Sequence[int]) -> None:
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UserError(
            f"{key} must be different whole numbers of at least 0, one or more, got {list(seeds)}"
        )


def _check_overrides(key: str, overrides: Sequence[str]) -> None:
    for override in overrides:
        if RESERVED.match(override):
            raise UserError(
                f"{key}: '{override}' is set by the sweep; use seeds and the options of `sweeps run`"
            )
