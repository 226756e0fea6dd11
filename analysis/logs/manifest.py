"""The study manifest: a study's runs, its question and its settings."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sspo.config import json_file
from sspo.config.study_file import study_file, written_sha256
from sspo.errors import UserError
from sspo.runs.identity import cell_folder

IMPORTED = "imported"
"""The preset of logs of other tools, which no spec planned."""
MIRRORED = "mirrored"
"""Key of a manifest's import section: the preset that planned runs which were read from their W&B mirrors."""
LOGGED = "logged"
"""The decoding of imported scores: values of a logged metric."""
ENDED_EARLY = "ended early"
"""The state of an imported run that finished before the step that scores."""
PRESETS = ("paper", "default", "full", "smoke", IMPORTED)
"""Strongest evidence first."""
SMALLEST_EFFECT = 0.02
"""The smallest effect of interest of a share, if a study names none."""
DEFAULT_PRESET = "default"
"""The preset of a sweep or a replay if none is named."""
TUNING, ARMS, AT_DEFAULT, PILOTS = "tuning", "arms", "default", "pilots"
"""Key of a tuned study's record, and the parts of its runs in their order: arms, arms at their defaults, pilots."""
ROLES = ("arm", "base", "no_clip", "aa")
POLICY = re.compile(r"[+~]*(objective|segmentation)\b")
PRESET_NOTES = {
    "paper": "preset paper",
    "default": "preset default: a demonstration, too few seeds for claims",
    "smoke": "preset smoke: not evidence about any arm",
    IMPORTED: "imported logs: arms, seeds and the primary metric were given to the import, no plan preceded the runs, "
    "and a step is a line of the log",
}


class NothingToReport(UserError):
    """A study without a finished run and without compact logs."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One arm: the runs of one cell under its seeds."""

    name: str
    label: str
    role: str
    cell: str
    seeds: tuple[int, ...]
    copy_of: str | None
    against: str | None
    """The arm that it is tested against; None for the study's baseline."""
    target_clip_frac: float | None
    """The clip fraction that the arm is matched to; None if it is not matched."""
    overrides: tuple[str, ...] = ()
    """Overrides that its runs were composed from; empty in manifests written before these were listed."""
    factors: tuple[tuple[str, str], ...] = ()
    """(factor, level) of the study's design; none for an arm that was written by hand."""
    levels: tuple[tuple[int, str], ...] = ()
    """(seed, folder level) of runs whose numbers do not belong to the first epoch: see sspo/runs/epochs.py."""

    def folder(self, store: Path, seed: int) -> Path:
        """Return the folder of one of its runs in a store."""
        return cell_folder(store, self.cell, seed, self.level(seed))

    def level(self, seed: int) -> str:
        """Return the folder level of a run."""
        return dict(self.levels).get(seed, "")

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return the overrides of everything except objective and segmentation, in alphabetical order."""
        return tuple(sorted(text for text in self.overrides if not POLICY.match(text)))

    @property
    def competes(self) -> bool:
        """Return whether the arm can be best: neither the untrained base nor the A/A copy can."""
        return self.role in ("arm", "no_clip")


@dataclass(frozen=True)
class Level:
    """A level of a factor."""

    name: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A factor of a design: its levels in order, each with its label in tables."""

    name: str
    label: str
    levels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A planned study, as its manifest states it."""

    name: str
    preset: str
    title: str
    question: str
    baseline: str
    test: str
    mode: str
    temperature: float
    gates: Mapping[str, Any]
    arms: tuple[Arm, ...]
    factors: tuple[Factor, ...] = ()
    """Factors of its design, in order; empty if all arms were written by hand."""
    smallest_effect: float | None = None
    """The smallest difference of the primary score that would matter, in its unit; None if none was named."""
    looks: tuple[int, ...] = ()
    """Planned interim looks: numbers of seeds per arm."""
    others: tuple[Arm, ...] = ()
    """Of a tuned study: its arms at their defaults, then its pilots. They are in none of its comparisons."""
    mirrored: str | None = None
    """The preset that planned runs which were read from their W&B mirrors; empty if no preset did. None for all other runs."""

    @property
    def imported(self) -> bool:
        """Return whether its numbers come from logs of other tools."""
        return self.preset == IMPORTED and self.mirrored is None

    @property
    def note(self) -> str:
        """Return a note for the reader on its preset, and on the source of its runs."""
        if self.mirrored is None:
            return PRESET_NOTES[self.preset]
        planned = PRESET_NOTES.get(self.mirrored, "no plan preceded the runs")
        return f"imported from the runs' W&B mirrors; {planned}"

    @property
    def note_sentence(self) -> str:
        """Return the note as a sentence."""
        return f"{self.note[:1].upper()}{self.note[1:]}."

    @property
    def planned(self) -> tuple[Arm, ...]:
        """Return everything that has runs, in the order of runs.json."""
        return (*self.arms, *self.others)

    def arm(self, name: str) -> Arm | None:
        """Return the arm of that name, or None if this preset has none."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def reference_of(self, arm: Arm) -> Arm | None:
        """Return the arm that this one is tested against: for an A/A arm its original; None for the baseline and the untrained base."""
        if arm.role == "base" or arm.name == self.baseline:
            return None
        if arm.role == "aa" and arm.copy_of is not None and self.arm(arm.copy_of) is not None:
            return self.arm(arm.copy_of)
        return self.arm(arm.against or self.baseline)

    def references(self) -> list[Arm]:
        """Return every arm that others are tested against, the baseline first."""
        named = {self.baseline: None} | {a.against: None for a in self.arms if a.against is not None}
        return [arm for name in named if (arm := self.arm(name)) is not None]

    def yardstick(self) -> str:
        """Return what arms are tested against, in words."""
        return "the arm that each is tested against" if self.several_references() else "the baseline"

    def several_references(self) -> bool:
        """Return whether some arm is tested against an arm other than the baseline."""
        return len(self.references()) > 1

    def with_role(self, *roles: str) -> list[Arm]:
        """Return the arms of the given roles in the manifest's order."""
        return [arm for arm in self.arms if arm.role in roles]


def from_manifest(manifest: Mapping[str, Any]) -> Study:
    """Build the Study of a manifest. Raises UserError that names the first key that is missing or invalid."""
    try:
        study = Study(
            name=str(manifest["study"]),
            preset=str(manifest["preset"]),
            title=one_line(manifest["title"]),
            question=one_line(manifest["question"]),
            baseline=str(manifest["baseline"]),
            test=str(manifest["test"]),
            mode=str(manifest["primary"]["mode"]),
            temperature=float(manifest["primary"]["temperature"]),
            gates=manifest.get("gates") or {},
            arms=unique_labels([_arm(arm) for arm in manifest["arms"]]),
            factors=unique_labels([_factor(factor) for factor in manifest.get("factors") or ()]),
            smallest_effect=_smallest_effect(manifest),
            looks=tuple(int(seeds) for seeds in manifest.get("looks") or ()),
            others=tuple(
                _arm(arm) for which in (AT_DEFAULT, PILOTS) for arm in _tuning(manifest).get(which) or ()
            ),
            mirrored=(manifest.get("imported") or {}).get(MIRRORED),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"the study manifest lacks a usable {error}: plan the study again to write it"
        ) from error
    lost = [a.against for a in study.arms if a.against is not None and study.arm(a.against) is None]
    if lost:
        raise UserError(f"the study manifest tests an arm against '{lost[0]}', which is not one of its arms")
    if (
        study.preset not in PRESETS
        or study.test not in ("paired", "welch")
        or study.arm(study.baseline) is None
    ):
        raise UserError(
            f"the study manifest names preset '{study.preset}', test '{study.test}' and baseline '{study.baseline}': "
            f"expected one of {', '.join(PRESETS)}; paired or welch; and one of its own arms"
        )
    return study


def part(manifest: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    """Return the manifest of one part of a tuned study, itself without a tuning. Arms at their defaults keep their references.

    Raises UserError if the study has no such part.
    """
    if which == ARMS:
        return {key: value for key, value in manifest.items() if key != TUNING}
    arms = list(_tuning(manifest).get(which) or ())
    if not arms:
        raise UserError(f"study '{manifest['study']}' has no runs of part '{which}'")
    names = {arm["name"] for arm in arms}

    def renamed(name: Any) -> str | None:
        return next((new for new in (f"{name}.{which}", name) if new in names), None)

    kept = {key: value for key, value in manifest.items() if key not in (TUNING, "factors")}
    return {
        **kept,
        "baseline": renamed(manifest["baseline"]) or arms[0]["name"],
        "arms": [{**arm, **{key: renamed(arm.get(key)) for key in ("against", "copy_of")}} for arm in arms],
    }


def _tuning(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    return manifest.get(TUNING) or {}


Labeled = TypeVar("Labeled", Arm, Factor, Level)


def unique_labels(things: Sequence[Labeled]) -> tuple[Labeled, ...]:
    """Return the same things with unique labels: a shared label is followed by the thing's name."""
    counts = Counter(thing.label for thing in things)
    shared = {thing.name for thing in things if counts[thing.label] > 1}
    if not shared:
        return tuple(things)
    return unique_labels(
        [replace(t, label=f"{t.label} ({t.name})") if t.name in shared else t for t in things]
    )


def _factor(factor: Mapping[str, Any]) -> Factor:
    levels = [Level(str(level["name"]), one_line(level["label"])) for level in factor["levels"]]
    named = tuple((level.name, level.label) for level in unique_labels(levels))
    return Factor(name=str(factor["name"]), label=one_line(factor["label"]), levels=named)


def _smallest_effect(manifest: Mapping[str, Any]) -> float | None:
    """Return the smallest effect of a manifest: 0.02 of a share if an older one names none; None for imported scores in their own unit."""
    found = manifest.get("smallest_effect")
    if found is None:
        return None if manifest["preset"] == IMPORTED else SMALLEST_EFFECT
    return float(found)


def _arm(arm: Mapping[str, Any]) -> Arm:
    if arm["role"] not in ROLES:
        raise ValueError(f"role of arm {arm['name']} (got {arm['role']}; valid: {', '.join(ROLES)})")
    return Arm(
        name=one_line(arm["name"]),
        label=one_line(arm.get("label") or arm["name"]),
        role=str(arm["role"]),
        cell=str(arm["cell"]),
        seeds=tuple(int(seed) for seed in arm["seeds"]),
        copy_of=arm.get("copy_of"),
        against=arm.get("against"),
        target_clip_frac=None if (target := arm.get("target_clip_frac")) is None else float(target),
        overrides=tuple(map(str, arm.get("overrides") or ())),
        factors=tuple((str(name), str(level)) for name, level in (arm.get("factors") or {}).items()),
        levels=tuple((int(seed), str(level)) for seed, level in (arm.get("levels") or {}).items()),
    )


def one_line(text: Any) -> str:
    """Return text with every run of white space collapsed to one space."""
    return " ".join(str(text).split())


def manifest_path(store: Path, name: str, preset: str) -> Path:
    """Return the path of the manifest of a study under a preset."""
    return store / "studies" / f"{stem(name, preset)}.json"


def stem(name: str, preset: str) -> str:
    """Return the store's name for a study under a preset; the default preset has the bare name."""
    return name if preset == DEFAULT_PRESET else f"{name}.{preset}"


def study_of(called: str) -> str:
    """Return the study of a store's or report's name under any preset; a study's name may contain a dot, as in paper_1.5b."""
    name, _, preset = called.rpartition(".")
    return name if name and preset in PRESETS else called


def sweep_command(name: str, preset: str, *options: str) -> str:
    """Return the command that runs a study's preset."""
    words = ["make", "sweep", f"NAME={name}", *([] if preset == DEFAULT_PRESET else [f"PRESET={preset}"])]
    return f"`{' '.join([*words, *options])}`"


def report_folder(out: Path, name: str, preset: str) -> Path:
    """Return the report folder of a study; the paper preset has the bare name, as it is the one to commit."""
    return out / (name if preset == "paper" else f"{name}.{preset}")


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises UserError if it is missing or not valid."""
    return json_file.read_json(path, "restore it or plan the study again")


def edited_sentence(manifest: Mapping[str, Any]) -> str | None:
    """Return a note for the user if the spec was edited after its manifest was written: the report is of the study as it was planned.

    Return None if the spec is unchanged or missing, or if the manifest does not record its hash. Raises UserError if the spec cannot be read.
    """
    planned, name, preset = manifest.get("written_sha256"), str(manifest["study"]), str(manifest["preset"])
    path = study_file(name)
    now = written_sha256(path) if planned is not None else None
    if now in (None, planned):
        return None
    again = f"make sweep NAME={shlex.quote(name)}" + (f" PRESET={preset}" if preset != DEFAULT_PRESET else "")
    return (
        f"note: conf/study/{path.name} was edited after this study was planned, and this is the study as planned; "
        f"`{again}` plans and runs the edited study"
    )
