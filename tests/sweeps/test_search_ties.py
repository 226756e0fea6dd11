"""The best trial of a search may be one of several with equal scores, and its history names the metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna import Study
from optuna.trial import FrozenTrial, create_trial
from searches import make, study_of

from sweeps.search.history import tally
from sweeps.search.outcome import status_line


def scored(number: int, value: float, cell: str) -> FrozenTrial:
    trial = create_trial(value=value, user_attrs={"cell": cell})
    trial.number = number
    return trial


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        ([(0.25, "a"), (0.5, "b")], "best 0.5000 (trial 1)"),
        ([(0.5, "a"), (0.25, "b"), (0.5, "c")], "best 0.5000 (trial 0; trial 2 tied)"),
        ([(0.5, "a"), (0.5, "b"), (0.5, "c")], "best 0.5000 (trial 0; trials 1 and 2 tied)"),
        ([(0.5, "a"), (0.5, "a"), (0.25, "c")], "best 0.5000 (trial 0)"),  # one cell that was suggested twice
    ],
)
def test_a_tie_is_said(scores: list[tuple[float, str]], says: str) -> None:
    trials = [scored(number, value, cell) for number, (value, cell) in enumerate(scores)]
    assert status_line("probe", tally(trials, retries=0)).endswith(f"; {says}")


@pytest.mark.parametrize(
    ("primary", "name"),
    [
        ({"mode": "sampled", "temperature": 1.0}, "accuracy (sampled, T = 1)"),
        ({"mode": "greedy", "temperature": 0.0}, "accuracy (greedy)"),
    ],
)
def test_optuna_knows_what_a_value_is(tmp_path: Path, primary: dict[str, object], name: str) -> None:
    study: Study = study_of(make(primary=primary), tmp_path / "probe.journal")
    assert study.metric_names == [name]
