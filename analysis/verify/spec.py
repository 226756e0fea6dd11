"""Compares a study's spec of today with the one that a report was planned from.

Manifests hold a digest of the spec's text. Older ones hold a digest of its meaning, which this package cannot
compute again: for those, only what both state outright is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.logs.manifest import DEFAULT_PRESET, TUNING
from analysis.logs.trace import ranges
from sspo.config.study_file import study_file, written_sha256
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError

STATED = ("title", "question", "baseline", "test", "smallest_effect", "looks")
MAY_GO = ("smallest_effect", "looks")
"""Those that a manifest has only if the spec stated them."""
LISTED = 6
"""Differences named before the list is cut."""


@dataclass(frozen=True)
class Spec:
    """The result of comparing a spec."""

    changed: str = ""
    """A sentence; empty if the spec is unchanged or cannot be compared."""
    note: str = ""
    """What was compared, if nothing changed."""


def spec_today(manifest: Mapping[str, Any]) -> Spec:
    """Compare the spec of a report's study with its manifest."""
    if "imported" in manifest:
        return Spec(note="imported, so it has no spec of its own")
    path = study_file(str(manifest["study"]))
    try:
        now = written_sha256(path)
        differ = list(_differing(manifest, read_yaml(path))) if now is not None else []
    except UserError as error:
        return Spec(changed=f"the spec of this study cannot be compared: {error}")
    except (AttributeError, KeyError, TypeError, ValueError):  # a spec that no sweep would accept
        differ = ["its form"]
    if now is None:
        return Spec(note="its spec is gone from conf/study")
    planned = manifest.get("written_sha256")
    if planned == now or (planned is None and not differ):
        return Spec(
            note="its spec is unchanged"
            if planned
            else "only the parts of its spec that the manifest states: it has no hash of the spec"
        )
    return Spec(changed=_sentence(path, differ))


def _sentence(path: Path, differ: Sequence[str]) -> str:
    more = f", and {len(differ) - LISTED} more" if len(differ) > LISTED else ""
    said = (
        f"{'; '.join(differ[:LISTED])}{more}"
        if differ
        else "in nothing that the manifest of this preset states"
    )
    return f"conf/study/{path.name} has changed since this study was planned: {said}"


def _differing(manifest: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what both state differently."""
    for key in STATED:
        if key in spec or (key in MAY_GO and manifest.get(key)):
            yield from _otherwise(key.replace("_", " "), manifest.get(key), spec.get(key))
    for part in ("primary", "gates"):
        for key, value in (spec.get(part) or {}).items():
            yield from _otherwise(
                f"{part} {key.replace('_', ' ')}", (manifest.get(part) or {}).get(key), value
            )
    presets = spec.get("presets") or ({DEFAULT_PRESET: {"seeds": spec["seeds"]}} if "seeds" in spec else {})
    preset = presets.get(manifest["preset"])
    if preset is None:
        yield f"preset {manifest['preset']} is gone"
        return
    yield from _arms(manifest, spec, preset)


def _arms(manifest: Mapping[str, Any], spec: Mapping[str, Any], preset: Mapping[str, Any]) -> Iterator[str]:
    """Compare arms by name, and for handwritten arms seeds and overrides; a sweep makes those of a design."""
    planned, written = {arm["name"]: arm for arm in manifest["arms"]}, spec.get("arms") or {}
    listed = preset.get("arms")
    if listed is None and "design" not in spec:
        listed = list(written)
    if listed is not None:
        yield from (f"arm {name} is new" for name in listed if name not in planned)
        yield from (f"arm {name} is gone" for name in planned if name not in listed)
    for name, arm in planned.items():
        own = written.get(name)
        if own is None:
            continue
        offset = own.get("seed_offset") or 0
        seeds = [seed + offset for seed in _seeds(own.get("seeds") or preset.get("seeds"))]
        yield from _otherwise(f"seeds of {name}", ranges(arm["seeds"]), ranges(seeds))
        original = written.get(arm.get("copy_of"), {})  # a copy has the overrides of its original
        stated = "overrides" in arm and TUNING not in manifest  # a tuned arm has those that were chosen
        if stated and (arm.get("copy_of") is None or original):
            parts = [preset, original, own]
            overrides = [text for part in parts for text in part.get("overrides") or ()]
            yield from _otherwise(f"overrides of {name}", arm["overrides"], overrides)


def _seeds(stated: Any) -> list[int]:
    return list(range(stated)) if isinstance(stated, int) else list(stated or ())


def _otherwise(what: str, then: Any, now: Any) -> Iterator[str]:
    if then != now:
        yield f"{what} ({_shown(then)} then, {_shown(now)} now)"


def _shown(value: Any) -> str:
    if value is None:
        return "not stated"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
