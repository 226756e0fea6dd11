"""examples/sspo_in_trl.py, the script that docs/trl.md shows, runs as it stands: what it wrote into an empty folder."""

from __future__ import annotations

import json
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sspo.config.yaml_file import read_yaml
from sspo.metrics.glossary import GLOSSARY
from sspo.runs import runlog
from tests.docs.blocks import IN_TRL

STEPS, UPDATES = 8, 4
"""Optimizer steps of the script, and of each of its rollouts."""


@dataclass(frozen=True)
class Trained:
    log: list[dict[str, Any]]
    """TRL's, one line per optimizer step."""
    folder: Path
    """The run folder."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp("example")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        trainer = runpy.run_path(str(IN_TRL))["trainer"]
    lines = [line for line in trainer.state.log_history if "loss" in line]
    return Trained(lines, place / trainer.args.run_folder)


def test_the_log_of_trl_has_our_metrics_under_our_names_and_trls(trained: Trained) -> None:
    assert [line["step"] for line in trained.log] == list(range(1, STEPS + 1))
    for line in trained.log:
        assert line["policy/loss"] == pytest.approx(line["loss"], abs=1e-6)
        assert line["clip_ratio/region_mean"] == line["policy/clip_frac"]
        assert line["entropy"] > 0
    of_rollouts = [line["step"] for line in trained.log if "rollout/segments_per_response" in line]
    assert of_rollouts == [UPDATES, 2 * UPDATES]


def test_ratios_are_one_at_the_first_step_of_a_rollout_and_clipped_after_it(trained: Trained) -> None:
    first = trained.log[::UPDATES]
    assert [line["policy/ratio_max"] for line in first] == [1.0, 1.0]
    assert [line["policy/clip_frac"] for line in first] == [0.0, 0.0]
    assert max(line["policy/clip_frac_active"] for line in trained.log) > 0.01


def test_the_objective_is_the_one_that_was_named_with_its_override(trained: Trained) -> None:
    # clip.low is sspo's 0.05 and clip.high the script's 0.1: bounds that vary with entropy keep their proportion
    for line in trained.log:
        assert line["policy/bound_high_mean"] == pytest.approx(2 * line["policy/bound_low_mean"], rel=1e-5)
    # "then we take the 9 we have and see that ... gives 3 , answer 3 .": clauses, fewer than tokens and more than one
    line = trained.log[UPDATES - 1]
    assert 1 < line["rollout/segments_per_response"] < line["rollout/response_tokens"] / 2


def test_the_run_folder_is_one_of_ours(trained: Trained) -> None:
    config = read_yaml(trained.folder / runlog.CONFIG)
    assert config["objective"]["name"] == "sspo"
    assert config["objective"]["clip"]["high"] == 0.1
    assert config["segmentation"]["rule"] == "subsentence"
    assert config["rollout"]["prompts"] * config["rollout"]["responses"] == 64
    assert (trained.folder / runlog.DONE).is_file()
    rows = [json.loads(line) for line in (trained.folder / runlog.METRICS).read_text().splitlines()]
    assert [(row["rollout"], row["update"]) for row in rows] == [
        divmod(step, UPDATES) for step in range(STEPS)
    ]
    for row, line in zip(rows, trained.log, strict=True):
        ours = {key: value for key, value in row.items() if key in GLOSSARY and value is not None}
        assert len(ours) > 30
        assert {key: line[key] for key in ours} == pytest.approx(ours)
