"""The arms of a study that a claim is about, selected by the configuration of their runs."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from analysis.claims.spec import Claim, Selector
from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm

RECORDED = ("ratio", "rule", "term", "advantage", "aggregation", "adapt", "alpha", "clip_low", "clip_high")
MAYBE = ("target", "advantage", "aggregation")
"""Facts that count as equal if neither arm has one: unmatched arms have no target, and logs written before advantage and
aggregation were recorded belong to studies whose arms all used the same."""


class NotTestable(Exception):
    """The reason why a study cannot test a claim, as a sentence without its period."""


def facts(evidence: Evidence, arm: Arm) -> Mapping[str, Any]:
    """Return the arm's facts as its first counted run recorded them; None for a fact that older logs do not record."""
    runs = evidence.counted(arm)
    record = evidence.logs.runs[runs[0]] if runs else {}
    found = {key: record.get(key) for key in RECORDED}
    cut = found["ratio"] == "segment"
    level = found["rule"] if cut else found["ratio"]
    if record.get("pooling"):
        level = f"{level}, {record['pooling']}"  # another ratio than that of a mean
    return {**found, "level": level, "target": arm.target_clip_frac, "conditions": arm.conditions}


def pairs(evidence: Evidence, claim: Claim) -> list[tuple[Arm, Arm | None]]:
    """Return the arms of the claim, each with the arm that it is compared with (None: the bound). Raises NotTestable with the reason."""
    mine = _select(evidence, claim.arms, claim.free)
    if claim.against is None:
        return [(arm, None) for arm in mine]
    theirs = _select(evidence, claim.against, claim.free)
    found = [(a, b) for a in mine for b in theirs if a.name != b.name and _alike(evidence, claim, a, b)]
    if not found:
        raise NotTestable(f"no two such arms have the same {', '.join(claim.same) or 'nature'}")
    return list(found)


def _alike(evidence: Evidence, claim: Claim, a: Arm, b: Arm) -> bool:
    ours, theirs = facts(evidence, a), facts(evidence, b)
    for key in claim.same:
        if key not in MAYBE and (ours[key] is None or theirs[key] is None):
            raise NotTestable(f"these logs do not record {key} of an arm")
    return all(ours[key] == theirs[key] for key in claim.same)


def _select(evidence: Evidence, selector: Selector, free: bool) -> list[Arm]:
    found, unknown, held = [], [], []
    for arm in evidence.study.with_role(selector.role):
        if selector.name is not None and not fnmatch.fnmatchcase(arm.name, selector.name):
            continue
        if not evidence.counted(arm):
            continue
        known = facts(evidence, arm)
        wanted = {key: v for key in ("level", "term", "adapt") if (v := getattr(selector, key))}
        missing = [key for key in wanted if known[key] is None]
        if any(known[key] is not None and known[key] not in values for key, values in wanted.items()):
            continue
        if selector.alpha_above is not None and known["alpha"] is None:
            missing.append("alpha")
        if missing:
            unknown += missing
        elif selector.alpha_above is not None and known["alpha"] <= selector.alpha_above:
            continue
        elif free and arm.target_clip_frac is not None:
            held.append(arm.label)
        else:
            found.append(arm)
    if found:
        return found
    if held:
        whose = " and ".join(held) if len(held) < 3 else f"all {len(held)} such arms"
        raise NotTestable(f"the clip rate of {whose} is held or matched, not the arm's own")
    if unknown:
        raise NotTestable(f"these logs do not record {', '.join(dict.fromkeys(unknown))} of an arm")
    raise NotTestable(f"no arm with a finished run has {_words(selector)}")


def _words(selector: Selector) -> str:
    parts = [f"role {selector.role}"] + ([f"a name like {selector.name}"] if selector.name else [])
    parts += [
        f"{key} {' or '.join(values)}"
        for key in ("level", "term", "adapt")
        if (values := getattr(selector, key))
    ]
    if selector.alpha_above is not None:
        parts.append(f"alpha above {selector.alpha_above:g}")
    return ", ".join(parts)
