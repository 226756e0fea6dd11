"""Real training runs of seconds, as their command line makes them, in this process."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sspo.train import main
from tests.console import Ended, run_here

TINY = (
    "tracking=none",
    "trainer.rollouts=4",
    "rollout.prompts=4",
    "rollout.responses=4",
    "rollout.max_tokens=64",
    "trainer.minibatch=8",
    "trainer.checkpoint_every=1",
    "trainer.samples_every=2",
    "evaluation.questions=3",
    "evaluation.curve_questions=2",
    "evaluation.samples=2",
    "evaluation.every=2",
    "evaluation.max_tokens=3",
)
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


BARELY_SCORED = (
    "evaluation.every=0",
    "evaluation.questions=1",
    "evaluation.samples=1",
    "evaluation.max_tokens=1",
)
"""Overrides of runs whose scores nobody reads."""


def train(store: Path, *overrides: str) -> Ended:
    """Run it to its end. What is about the process itself is in test_two_processes.py."""
    return run_here(main, *TINY, f"run.store={store}", *overrides)


def folder(store: Path) -> Path:
    """The store's only run folder."""
    (found,) = (*store.glob("cells/*/seed*"), *store.glob("cells/*/*/seed*"))
    return found


def lines(path: Path) -> list[dict]:
    """A JSON-lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
