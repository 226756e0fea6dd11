"""What a study fixes before it runs, so that no result can choose its own yardstick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sweeps.study.spec import StudyHead

LATER: Mapping[str, Any] = {"smallest_effect": StudyHead().smallest_effect, "looks": list(StudyHead().looks)}
"""What came later, with what it is where nobody says it: left out then, so that older manifests stay as they are."""
KEYS = ("baseline", "test", "primary", "gates", *LATER)


def promises(head: StudyHead) -> dict[str, Any]:
    """As the manifest and every run have them."""
    found = {
        "baseline": head.baseline,
        "test": head.test,
        "primary": asdict(head.primary),
        "gates": {**asdict(head.gates), "token_arm": head.gates.token_arm or head.baseline},
    }
    later = {"smallest_effect": head.smallest_effect, "looks": list(head.looks)}
    return found | {key: value for key, value in later.items() if value != LATER[key]}


def promised(said: Mapping[str, Any]) -> dict[str, Any]:
    """The promises in a manifest, or of a run, each of them said."""
    return {key: said.get(key, LATER.get(key)) for key in KEYS}
