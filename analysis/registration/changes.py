"""Differences between two plans of a study, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from analysis.registration.record import Plan

YARDSTICKS = ("test", "primary", "smallest_effect", "baseline", "gates", "looks", "tuning")
OF_ARM = ("cell", "role", "against", "copy_of", "target_clip_frac")


def differences(before: Plan, now: Plan) -> tuple[str, ...]:
    """Return every binding item that differs, claims only if both plans list some. Empty if the plans agree."""
    claims = _claims(before, now) if "claims" in now and "claims" in before else ()
    return (*_arms(before, now), *_seeds(before, now), *_yardsticks(before, now), *claims)


def span(seeds: Sequence[int]) -> str:
    """Format seeds for people: 8-11, or 3, 5."""
    ordered = sorted(seeds)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{ordered[0]}-{ordered[-1]}"
    return ", ".join(map(str, ordered))


def dropped_arms(before: Plan, now: Plan) -> dict[str, tuple[int, ...]]:
    """Return the arms that a plan no longer has, with their seeds."""
    names = {arm["name"] for arm in now["arms"]}
    return {arm["name"]: tuple(arm["seeds"]) for arm in before["arms"] if arm["name"] not in names}


def _arms(before: Plan, now: Plan) -> Iterator[str]:
    for name in dropped_arms(now, before):
        yield f"arm {name} added"
    for name in dropped_arms(before, now):
        yield f"arm {name} dropped"
    for name, was, is_now in _common(before, now):
        changed = [key for key in OF_ARM if was.get(key) != is_now.get(key)]
        if changed:
            yield f"arm {name} differs in {' and '.join(changed)}"


def _seeds(before: Plan, now: Plan) -> Iterator[str]:
    """Yield added and dropped seeds, with the arms unless they include all that are trained under the study's own seeds."""
    common = list(_common(before, now))
    whole = {name for name, _, arm in common if arm["role"] in ("arm", "no_clip")}
    for word, first, second in (("added", 1, 0), ("dropped", 0, 1)):
        found: dict[str, list[str]] = {}
        for name, *sides in common:
            extra = set(sides[first]["seeds"]) - set(sides[second]["seeds"])
            if extra:
                found.setdefault(span(list(extra)), []).append(name)
        for seeds, names in found.items():
            of = "" if whole <= set(names) else f" of {', '.join(names)}"
            yield f"seed{'s' if not seeds.isdigit() else ''} {seeds}{of} {word}"


def _yardsticks(before: Plan, now: Plan) -> Iterator[str]:
    for key in YARDSTICKS:
        if before.get(key) != now.get(key):
            yield f"{key.replace('_', ' ')} was {_shown(before.get(key))} and is {_shown(now.get(key))}"


def _claims(before: Plan, now: Plan) -> Iterator[str]:
    was, is_now = (dict(_claimed(plan)) for plan in (before, now))
    for word, names in (
        ("added", [name for name in is_now if name not in was]),
        ("dropped", [name for name in was if name not in is_now]),
        ("changed", [name for name in is_now if name in was and was[name] != is_now[name]]),
    ):
        if names:
            yield f"claim{'s' if len(names) > 1 else ''} {', '.join(names)} {word}"


def _claimed(plan: Plan) -> Iterator[tuple[str, str]]:
    for file, of in plan["claims"].items():
        yield from ((f"{file}: {name}", digest) for name, digest in of["claims"].items())


def _common(before: Plan, now: Plan) -> Iterator[tuple[str, Any, Any]]:
    was = {arm["name"]: arm for arm in before["arms"]}
    return ((arm["name"], was[arm["name"]], arm) for arm in now["arms"] if arm["name"] in was)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
