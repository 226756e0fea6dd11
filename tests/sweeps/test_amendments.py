"""A change of the promises after results exist permanently marks the manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sweeps.plan.manifest import manifest_path, write_manifest
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import load
from sweeps.study.spec import Arm, Gates, Primary, Replay


def smoke(store: Path, **head: Any) -> Plan:
    study = load(CONF_ROOT / "study", "clip_ablation")
    return make_plan(replace(study, head=replace(study.head, **head)), "smoke", store)


def written(plan: Plan) -> dict[str, Any]:
    write_manifest(plan)
    manifest: dict[str, Any] = json.loads(manifest_path(plan).read_text())
    return manifest


def leave(plan: Plan, marker: str) -> None:
    """One trial of the plan has ended."""
    folder = plan.trials()[0].folder
    folder.mkdir(parents=True)
    (folder / marker).write_text("{}")


CHANGES = [
    {"test": "welch"},
    {"primary": Primary(mode="greedy", temperature=0.0)},
    {"gates": Gates(no_clip_margin=0.1)},
    {"baseline": "sspo"},
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("marker", ["DONE.json", "FAILED.json"])
def test_a_change_after_a_result_is_marked_and_stays_so(
    change: dict[str, Any], marker: str, tmp_path: Path
) -> None:
    assert written(smoke(tmp_path))["amended_after_runs"] is False
    leave(smoke(tmp_path), marker)
    assert written(smoke(tmp_path, **change))["amended_after_runs"] is True
    assert written(smoke(tmp_path))["amended_after_runs"] is True  # reverted, which does not remove the mark


def test_a_change_before_any_result_is_a_free_choice(tmp_path: Path) -> None:
    write_manifest(smoke(tmp_path))
    folder = smoke(tmp_path).trials()[0].folder
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("")  # started, not ended
    assert written(smoke(tmp_path, test="welch"))["amended_after_runs"] is False


def calibrated(store: Path, target: float | None) -> Plan:
    study = load(CONF_ROOT / "study", "clip_ablation")
    arms = {**study.arms, "grpo": replace(study.arms["grpo"], target_clip_frac=target)}
    return make_plan(replace(study, arms=arms), "smoke", store)


def test_to_say_after_a_result_that_its_arm_was_matched_to_something_else_is_an_amendment(
    tmp_path: Path,
) -> None:
    write_manifest(calibrated(tmp_path, None))
    assert written(calibrated(tmp_path, 0.02))["amended_after_runs"] is False
    leave(calibrated(tmp_path, 0.02), "DONE.json")
    assert written(calibrated(tmp_path, 0.03))["amended_after_runs"] is True


def test_to_test_an_arm_against_another_one_after_its_result_is_an_amendment(tmp_path: Path) -> None:
    def against(reference: str | None) -> Plan:
        study = load(CONF_ROOT / "study", "segmentation_ablation")
        arms = {**study.arms, "random_20": replace(study.arms["random_20"], against=reference)}
        return make_plan(replace(study, arms=arms), "default", tmp_path)

    assert written(against("subsentence_20"))["amended_after_runs"] is False
    leave(against("subsentence_20"), "DONE.json")
    assert written(against("subsentence_20"))["amended_after_runs"] is False
    assert written(against(None))["amended_after_runs"] is True


def test_a_copy_of_an_arm_with_a_reference_of_its_own_is_no_amendment(tmp_path: Path) -> None:
    study = load(CONF_ROOT / "study", "segmentation_ablation")
    copy = Arm(role="aa", copy_of="random_20", seed_offset=500)
    default = replace(study.presets["default"], arms=(*(study.presets["default"].arms or ()), "copy"))
    arms, presets = {**study.arms, "copy": copy}, {**study.presets, "default": default}
    plan = make_plan(replace(study, arms=arms, presets=presets), "default", tmp_path)
    written(plan)
    leave(plan, "DONE.json")
    assert written(plan)["amended_after_runs"] is False


def test_a_manifest_from_before_there_were_targets_and_replays_is_not_amended_by_them(
    tmp_path: Path,
) -> None:
    manifest = written(smoke(tmp_path))
    for arm in manifest["arms"]:
        del arm["target_clip_frac"]
    manifest_path(smoke(tmp_path)).write_text(json.dumps(manifest))
    leave(smoke(tmp_path), "DONE.json")
    assert written(smoke(tmp_path, replay=Replay(seeds=2)))["amended_after_runs"] is False


def test_what_changes_no_yardstick_is_no_amendment(tmp_path: Path) -> None:
    write_manifest(smoke(tmp_path))
    leave(smoke(tmp_path), "DONE.json")
    manifest = written(smoke(tmp_path, title="a better title"))
    assert (manifest["title"], manifest["amended_after_runs"]) == ("a better title", False)


def test_a_damaged_manifest_is_named_and_not_taken_for_an_unamended_one(tmp_path: Path) -> None:
    path = manifest_path(smoke(tmp_path))
    path.parent.mkdir()
    path.write_text('{"arms": [')
    with pytest.raises(
        UserError, match=r"clip_ablation.smoke.json is damaged .*delete it and it is written again"
    ):
        write_manifest(smoke(tmp_path))


def test_a_manifest_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "studies").write_text("a file where the folder belongs")
    with pytest.raises(UserError, match=r"cannot write the manifest .*clip_ablation\.smoke\.json"):
        write_manifest(smoke(tmp_path))
