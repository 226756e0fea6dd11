"""Two probes of one machine side by side: equal and different parts, and the runs that a difference touches."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sspo.runs.epochs import Facts

DEEPEST = 3
"""Size of the smallest sets of options that are all searched for; beyond it, one set is found by leaving options out.
"""
Probe = Mapping[str, Mapping[str, Any]]
"""Entry name to {"options", "parts"}."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The comparison of two revisions' probes."""

    equal: tuple[str, ...]
    different: Mapping[str, tuple[str, ...]]
    """Entry to the parts that differ."""
    new: tuple[str, ...]
    """Entries that only the later revision has, or has with another value of an option that both know."""
    gone: tuple[str, ...]
    clauses: tuple[Facts, ...]
    """Runs that the differences touch."""


def compare(before: Probe, now: Probe) -> Comparison:
    """Compare the common entries. A part or an option that one of them lacks is ignored: an entry from before an option
    existed is that of the option's default. An entry without a common part is a new one.
    """
    shared = {
        name for name in now if name in before and _alike(before[name]["options"], now[name]["options"])
    }
    common = {name: sorted(set(before[name]["parts"]) & set(now[name]["parts"])) for name in shared}
    shared = {name for name in shared if common[name]}
    different = {
        name: parts
        for name in sorted(shared)
        if (parts := tuple(p for p in common[name] if before[name]["parts"][p] != now[name]["parts"][p]))
    }
    equal = tuple(sorted(shared - set(different)))
    return Comparison(
        equal=equal,
        different=different,
        new=tuple(sorted(set(now) - shared)),
        gone=tuple(sorted(set(before) - shared)),
        clauses=touched(
            [now[name]["options"] for name in different], [now[name]["options"] for name in equal]
        ),
    )


def _alike(before: Facts, now: Facts) -> bool:
    return all(before[key] == now[key] for key in before.keys() & now.keys())


def touched(different: Sequence[Facts], equal: Sequence[Facts]) -> tuple[Facts, ...]:
    """Return the fewest options that separate the runs that differ from those that do not.

    A clause is a set of options that a differing probe has and no equal one: of one option if one suffices, else of two
    or three, else as many as needed. Every smallest set counts, because the cause among them is unknown: too many runs
    are repeated rather than too few.
    """
    clauses: dict[str, Facts] = {}
    varying = _varying([*different, *equal])
    for facts in different:
        own = {key: value for key, value in facts.items() if key in varying}
        for clause in _smallest(own, equal) or [_reduced(own, equal)]:
            clauses[json.dumps(clause, sort_keys=True)] = clause
    return tuple(clauses[text] for text in sorted(clauses))


def _smallest(own: Facts, equal: Sequence[Facts]) -> list[Facts]:
    for size in range(1, DEEPEST + 1):
        found: list[Facts] = [
            clause
            for keys in itertools.combinations(sorted(own), size)
            if not _held_by(clause := {key: own[key] for key in keys}, equal)
        ]
        if found:
            return found
    return []


def _reduced(own: Facts, equal: Sequence[Facts]) -> Facts:
    """Return a set of options without any redundant one."""
    clause = dict(own)
    for key in sorted(own):
        fewer = {name: value for name, value in clause.items() if name != key}
        if fewer and not _held_by(fewer, equal):
            clause = fewer
    return clause


def _held_by(clause: Facts, probes: Iterable[Facts]) -> bool:
    return any(all(facts.get(key) == value for key, value in clause.items()) for facts in probes)


def _varying(probes: Sequence[Facts]) -> set[str]:
    """Return the options that do not have one value throughout. If nothing varies, all are returned."""
    values: dict[str, set[str]] = {}
    for facts in probes:
        for key, value in facts.items():
            values.setdefault(key, set()).add(json.dumps(value))
    varying = {key for key, found in values.items() if len(found) > 1}
    return varying or set(values)
