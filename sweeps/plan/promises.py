"""The choices that a study fixes before it runs, so that no result can influence how it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sweeps.study.spec import StudyHead

LATER: Mapping[str, Any] = {"smallest_effect": StudyHead().smallest_effect, "looks": list(StudyHead().looks)}
"""Promises added later, with their defaults. A default is left out, so that older manifests stay as they are."""
KEYS = ("baseline", "test", "primary", "gates", *LATER)


def promises(head: StudyHead) -> dict[str, Any]:
    """Return the promises as the manifest and every run record them."""
    found = {
        "baseline": head.baseline,
        "test": head.test,
        "primary": asdict(head.primary),
        "gates": {**asdict(head.gates), "token_arm": head.gates.token_arm or head.baseline},
    }
    later = {"smallest_effect": head.smallest_effect, "looks": list(head.looks)}
    return found | {key: value for key, value in later.items() if value != LATER[key]}


def promised(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the promises recorded in a manifest or a run, with defaults filled in."""
    return {key: recorded.get(key, LATER.get(key)) for key in KEYS}
