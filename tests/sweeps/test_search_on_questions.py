"""A search over real runs: a model folder, questions from a file, answers graded by math_verify, and trials that are stopped."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from test_search_run import trials_of

from sweeps.control.sweep import RunOptions
from sweeps.ledger.score import rollout_curve
from sweeps.ledger.state import standing
from sweeps.search.load import parse
from sweeps.search.run import SearchOptions, run_search
from sweeps.search.spec import Search
from tests.tiny_models import two_ends
from tests.tiny_questions import question_file

RATES = (1e-6, 2e-6, 0.5)
"""Two that leave the model as it is, and one that ruins it with its first step."""


def search_of(folder: Path) -> Search:
    """Return a spec of one seed and three learning rates, in that order; runs have the defaults of models that are not embedded."""
    model = two_ends(folder / "model")
    train, test = (
        question_file(folder / f"{name}.jsonl", seed) for seed, name in enumerate(("train", "test"))
    )
    options = [
        f"model.path={model}", "task=jsonl", f"task.train={train}", f"task.eval=[{test}]", "reward=math_verify", "reward.second=0",
        "objective=sspo", "tracking=none", "trainer.rollouts=12", "trainer.minibatch=8", "rollout.prompts=4", "rollout.responses=4",
        "rollout.max_tokens=72", "evaluation.questions=4", "trainer.samples_every=0",
    ]  # fmt: skip
    spec = {
        "overrides": options,
        "space": {"trainer.lr": {"low": 1e-7, "high": 0.5, "log": True}},
        "points": [{"trainer.lr": rate} for rate in RATES],
        "pruner": {"name": "median", "startup": 2, "watch": "rollout"},
        "presets": {"default": {"trials": 3, "seeds": [900]}},
    }
    return parse("probe", spec)


@pytest.mark.acceptance
def test_a_search_on_graded_questions_stops_the_run_whose_rollouts_fall_behind(tmp_path: Path) -> None:
    search, store, printed = search_of(tmp_path), tmp_path / "runs", io.StringIO()
    options = SearchOptions(runs=RunOptions(workers=1, timeout=300))
    status = run_search(search, "default", store, options, Console(width=300, file=printed))
    assert status == 0, printed.getvalue()
    *kept, ruined = trials_of(search, store)
    assert [trial.state.name for trial in (*kept, ruined)] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert "pruned  trial 2 after 1 rollouts" in printed.getvalue()
    assert min(ruined.intermediate_values.values()) == 0
    for trial in kept:
        (folder,) = (store / "cells" / trial.user_attrs["cell"]).rglob("seed900")
        assert trial.intermediate_values == rollout_curve(folder)
        assert list(trial.intermediate_values) == list(range(1, 12))
        assert max(trial.intermediate_values.values()) > 0
    (folder,) = (store / "cells" / ruined.user_attrs["cell"]).rglob("seed900")
    assert standing(folder).state not in ("done", "failed")
