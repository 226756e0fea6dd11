"""Runs of two seconds, most of them spent on importing torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

TINY = (
    "trainer.rollouts=1",
    "rollout.prompts=2",
    "rollout.responses=4",
    "rollout.max_tokens=24",
    "trainer.minibatch=4",
    "evaluation.questions=2",
    "evaluation.samples=1",
    "evaluation.every=0",
    "evaluation.max_tokens=24",
    "tracking=none",
)


def markers(store: Path) -> Mapping[str, int]:
    """Return `cell/seed` of every finished run of a store, with the time at which it finished, in nanoseconds."""
    return {
        "/".join(path.parts[-3:-1]): path.stat().st_mtime_ns for path in store.glob("cells/*/*/DONE.json")
    }
