"""Which study mirrors are of, from what they carry."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import wandb

from analysis.importers.mirrors.plan import choose_plan
from analysis.importers.mirrors.read import Mirrored, find_mirrors
from sspo.compose.fast import quick_compose
from sspo.errors import UserError
from sspo.runs.tracking import WandbTracker


def plan(study: str, preset: str, **cells: list[int]) -> dict[str, Any]:
    arms = [{"name": cell, "role": "arm", "cell": cell, "seeds": seeds} for cell, seeds in cells.items()]
    return {"study": study, "preset": preset, "arms": arms}


def mirror(cell: str, seed: int, *plans: dict[str, Any], arm: str = "grpo", rollouts: int = 1) -> Mirrored:
    config = {"plans": list(plans), "run": {"arm": arm}, "trainer": {"rollouts": rollouts}}
    return Mirrored(Path(f"offline-run-{seed}-{cell}/run.wandb"), cell, seed, config, [])


SMOKE, PAPER = plan("clip", "smoke", a=[0]), plan("clip", "paper", a=[0, 1], b=[0, 1])
OTHER = plan("rules", "paper", a=[0])


def test_a_study_is_found_by_the_imports_name_or_by_what_is_said() -> None:
    mirrors = [mirror("a", 0, PAPER), mirror("a", 1, OTHER)]
    assert choose_plan(mirrors, "clip", None) is PAPER
    assert choose_plan(mirrors, "mine", "rules") is OTHER
    with pytest.raises(UserError, match=r"of 2 studies \(clip, rules\): choose one with --plan STUDY"):
        choose_plan(mirrors, "mine", None)
    with pytest.raises(
        UserError, match=r"unknown study in these mirrors 'ruels': did you mean 'rules\.paper'"
    ):
        choose_plan(mirrors, "mine", "ruels")


def test_of_several_presets_the_strongest_that_is_whole_counts_and_of_a_changed_plan_the_latest() -> None:
    first = [mirror("a", 0, SMOKE, PAPER)]
    assert choose_plan(first, "clip", None) is SMOKE  # the paper's other runs have no mirror
    assert choose_plan(first, "clip", "clip.paper") is PAPER
    rest = [mirror(cell, seed, PAPER) for cell, seed in (("a", 1), ("b", 0), ("b", 1))]
    assert choose_plan([*first, *rest], "clip", None) is PAPER
    changed = plan("clip", "smoke", a=[0, 1])
    assert choose_plan([*first, mirror("a", 1, changed)], "clip", None) is changed


def test_runs_of_no_study_are_arms_by_their_names_and_the_one_that_trains_nothing_is_the_base() -> None:
    mirrors = [mirror("b", 1), mirror("a", 0, arm="sspo", rollouts=0), mirror("b", 0)]
    made = choose_plan(mirrors, "mine", None)
    assert [(arm["name"], arm["role"], arm["seeds"]) for arm in made["arms"]] == [
        ("sspo", "base", [0]),
        ("grpo", "arm", [0, 1]),
    ]
    assert (made["baseline"], made["test"]) == ("grpo", "welch")
    with pytest.raises(UserError, match="cells b and c are both called grpo"):
        choose_plan([*mirrors, mirror("c", 0)], "mine", None)
    with pytest.raises(UserError, match="carry no plan of 'clip'"):
        choose_plan(mirrors, "mine", "clip")


def test_a_study_with_a_dot_in_its_name_is_found_like_any_other() -> None:
    smoke, paper = plan("paper_1.5b", "smoke", a=[0]), plan("paper_1.5b", "paper", a=[0, 1])
    mirrors = [mirror("a", 0, smoke, paper), mirror("a", 1, paper, OTHER)]
    assert choose_plan(mirrors, "paper_1.5b", None) is paper
    assert choose_plan(mirrors, "mine", "paper_1.5b") is paper
    assert choose_plan(mirrors, "mine", "paper_1.5b.smoke") is smoke
    with pytest.raises(UserError, match=r"did you mean 'paper_1\.5b\.paper'"):
        choose_plan(mirrors, "mine", "paper_1.5b.papre")


def test_what_a_new_process_left_of_an_older_mirror_is_no_second_one(tmp_path: Path) -> None:
    config = quick_compose(["tracking=wandb_offline", f"run.store={tmp_path}"])
    WandbTracker(config, tmp_path).finish("done", {})
    wandb.teardown()
    shutil.copytree(tmp_path / "wandb", tmp_path / ".wandb-superseded")
    (found,), others = find_mirrors([tmp_path])
    assert (found.path.parent.parent.name, others) == ("wandb", 0)
