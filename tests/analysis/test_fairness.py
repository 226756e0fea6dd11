"""Flags of factors that cannot act and of unfair comparisons, on stores that have each of them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from synthetic_store import ARMS, FakeArm, Scale, write_run, write_study

from analysis.checks.flags import TRAJECTORY, flags
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.report import write_report
from sspo.runs.identity import cell_folder
from sspo.runs.runlog import CONFIG, DONE, METRICS

SCALE = Scale(seeds=3, rollouts=3, questions=2, samples=2, curve_questions=1)
TWO = [dataclasses.replace(arm, clip=0.03) for arm in ARMS if arm.name in ("grpo", "sspo_05")]


class Store:
    """Two arms that differ in nothing but what a test does to their runs."""

    def __init__(self, folder: Path, arms: list[FakeArm] | None = None):
        self.folder, self.arms = folder, TWO if arms is None else arms
        self.manifest = write_study(folder / "runs", self.arms, SCALE)

    def run(self, arm: str, seed: int) -> Path:
        """The folder of a run."""
        cell = next(a["cell"] for a in self.manifest["arms"] if a["name"] == arm)
        return cell_folder(self.folder / "runs", cell, seed)

    def logged(self, arm: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change every line of the metrics of an arm's runs."""
        for seed in range(SCALE.seeds):
            path = self.run(arm, seed) / METRICS
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                change(line)
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
            marker = path.with_name("DONE.json")
            ended = json.loads(marker.read_text())
            ended.pop("logs", None)  # what a test does to logs after their end is meant
            marker.write_text(json.dumps(ended))

    def flags(self) -> tuple[str, ...]:
        compact(self.folder / "runs", self.manifest, self.folder / "logs", as_ended=False)
        return flags(Evidence(read_logs(self.folder / "logs")))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def setting(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(line: dict[str, Any]) -> None:
        if key in line:
            line[key] = value

    return change


def test_equal_arms_are_not_flagged(store: Store) -> None:
    assert store.flags() == ()


def test_clipping_that_never_acted_is_flagged_in_all_arms_or_in_one(store: Store) -> None:
    keys = ("policy/clip_frac", "policy/clip_frac_active")
    for key in keys:
        store.logged("grpo", setting(key, 0.0))
    one = store.flags()
    assert one[0] == "Clipping had no effect in GRPO .2: no token was clipped at any step."
    assert one[1].startswith("Unequal clip fraction: SSPO .05 fixed (1.")
    for key in keys:
        store.logged("sspo_05", setting(key, 0.0))
    assert store.flags() == (
        "Clipping had no effect: no arm clipped a token at any step, so its bounds do not matter here.",
    )


def test_an_arm_that_has_no_clip_is_no_evidence_that_clipping_could_not_act(tmp_path: Path) -> None:
    without = next(arm for arm in ARMS if arm.name == "no_clip")
    assert Store(tmp_path, [without, *TWO]).flags() == ()


def test_zero_advantages_are_flagged_with_their_share(store: Store) -> None:
    key = "rollout/zero_advantage_group_frac"
    store.logged("grpo", setting(key, 0.89))
    assert store.flags() == ()
    store.logged("grpo", setting(key, 1.0))
    assert store.flags() == (
        "Zero advantages: share of groups with equal rewards, which carry no gradient: GRPO .2 (100 %).",
    )


def copy_trajectory(store: Store, seed: int) -> None:
    """Give a run of sspo_05 what grpo's of that seed logged, but for its clip fraction."""
    mine, theirs = (store.run(arm, seed) / METRICS for arm in ("sspo_05", "grpo"))
    lines = []
    for a, b in zip(mine.read_text().splitlines(), theirs.read_text().splitlines(), strict=True):
        own, other = json.loads(a), json.loads(b)
        lines.append(json.dumps({**own, **{key: other[key] for key in TRAJECTORY if key in other}}) + "\n")
    mine.write_text("".join(lines))


def test_identical_trajectories_are_flagged_at_all_or_at_some_seeds(store: Store) -> None:
    copy_trajectory(store, 1)
    assert store.flags() == (
        "Identical trajectories: GRPO .2 and SSPO .05 fixed at 1 of 3 shared seeds: their differences had no effect there.",
    )
    for seed in (0, 2):
        copy_trajectory(store, seed)
    assert store.flags() == (
        "Identical trajectories: GRPO .2 and SSPO .05 fixed at all shared seeds: their differences had no effect there.",
    )


def test_one_metric_alone_makes_no_trajectory(store: Store) -> None:
    for seed in range(SCALE.seeds):
        copy_trajectory(store, seed)
    for arm in ("grpo", "sspo_05"):
        store.logged(arm, lambda line: [line.pop(key, None) for key in TRAJECTORY[1:]])
    assert store.flags() == ()


def test_unequal_updates_are_flagged(store: Store) -> None:
    arm, cell = store.arms[1], store.manifest["arms"][1]["cell"]
    for seed in range(SCALE.seeds):
        shutil.rmtree(store.run("sspo_05", seed))
        write_run(store.folder / "runs", arm, cell, seed, dataclasses.replace(SCALE, updates=4))
    found = store.flags()
    assert "Unequal updates: SSPO .05 fixed (12) against GRPO .2 (6)." in found
    assert not any("tokens" in sentence for sentence in found)  # as many rollouts of equal length


def test_unequal_tokens_are_flagged_beyond_a_quarter(store: Store) -> None:
    store.logged("sspo_05", setting("rollout/response_tokens", 70.0))  # 57 a rollout in the other arm
    assert store.flags() == ()
    store.logged("sspo_05", setting("rollout/response_tokens", 80.0))
    assert store.flags() == (
        "Unequal tokens (mean per response, summed over rollouts): SSPO .05 fixed (240) against GRPO .2 (171).",
    )


def test_unequal_wall_time_is_flagged_beyond_a_half_and_not_where_none_is_recorded(store: Store) -> None:
    def take(seconds: float | None) -> None:
        for seed in range(SCALE.seeds):
            path = store.run("sspo_05", seed) / DONE
            path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": seconds}))

    take(1100.0)  # the other arm takes 800
    assert store.flags() == ()
    take(1300.0)
    assert store.flags() == ("Unequal wall time: SSPO .05 fixed (1300 s) against GRPO .2 (800 s).",)
    take(None)
    assert store.flags() == ()


def test_unequal_seeds_are_flagged_and_a_copy_is_to_have_others(tmp_path: Path, store: Store) -> None:
    shutil.rmtree(store.run("sspo_05", 1))
    assert store.flags() == ("Unequal seeds: SSPO .05 fixed (0, 2) against GRPO .2 (0-2).",)
    copy = next(arm for arm in ARMS if arm.name == "grpo_aa")
    copied = Store(tmp_path / "aa", [*TWO, dataclasses.replace(copy, clip=0.03)])
    assert copied.flags() == ()


def test_arms_that_different_rewards_score_are_flagged_with_their_rewards(store: Store) -> None:
    """reward.name scores the evaluation as well: a reward of one arm's own makes its score another unit."""
    own = ["objective=sspo", "reward=mine.py:short", "reward.options=['cost=0.01']"]
    (arm,) = (arm for arm in store.manifest["arms"] if arm["name"] == "sspo_05")
    arm["overrides"] = own
    (said,) = store.flags()
    assert said == (
        "Scored by different rewards, so these scores cannot be compared: SSPO .05 fixed by mine.py:short ['cost=0.01'], "
        "GRPO .2 by the default."
    )
    arm["overrides"] = ["objective=sspo", "reward.also=['brevity*0.1']"]  # added in training alone
    assert store.flags() == ()


def test_arms_that_different_backends_trained_are_flagged_once(store: Store) -> None:
    for seed in range(SCALE.seeds):
        path = store.run("sspo_05", seed) / CONFIG
        config = yaml.safe_load(path.read_text())
        path.write_text(
            yaml.safe_dump({**config, "trainer": {**config.get("trainer", {}), "backend": "trl"}})
        )
    (said,) = store.flags()
    assert said.startswith("Trained by different backends: sspo for GRPO .2, trl for SSPO .05 fixed. ")


def test_many_arms_are_named_by_the_worst_and_counted(tmp_path: Path) -> None:
    rates = (0.03, 0.3, 0.06, 0.24, 0.12)
    more = [dataclasses.replace(TWO[0], name=f"a{i}", label=f"A{i}", clip=c) for i, c in enumerate(rates)]
    (found,) = Store(tmp_path, [TWO[0], *more]).flags()
    assert [word for word in found.split() if word.startswith("A")] == ["A1", "A3", "A4"]
    assert found.endswith("; and 1 more.")


@pytest.mark.usefixtures("captioned")
def test_flags_stand_in_every_file_that_goes_alone(store: Store) -> None:
    store.logged("sspo_05", setting("policy/clip_frac_active", 0.5))
    folder, _ = write_report("toy", "paper", store.folder / "runs", store.folder / "reports")
    said = "Unequal clip fraction: SSPO .05 fixed (50 %) against GRPO .2 (1.5 %)."
    for name in ("results", "dynamics", "stability", "learning"):
        assert said in (folder / f"{name}.md").read_text().replace("\\", "")
    assert "flags" in json.loads((folder / "provenance.json").read_text())["sections"]
