"""Arms matched on clipping: what they realized, and what a report says of those that left their target."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.checks.gates import check_gates
from analysis.checks.matching import Matching, matchings
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import Logs, read_logs
from analysis.logs.run_folders import compact
from analysis.tables import captions
from analysis.tables.dynamics import dynamics_table
from analysis.tables.results import results_table

CLIP = "policy/clip_frac_active"
GATE = "arms are matched on clipping"
FEW = [arm for arm in ARMS if arm.name in ("grpo", "sspo", "grpo_aa")]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    """Clip fractions by hand: .5 on first updates, on second ones .01 to .04 in the four rollouts of every run."""
    store = tmp_path_factory.mktemp("store")
    manifest = write_study(store, FEW, Scale(seeds=2, rollouts=4, updates=2, questions=2, curve_questions=1))
    compact(store, manifest, store / "logs")
    read = read_logs(store / "logs")
    by_hand = np.where(read.metrics["update"] == 0, 0.5, 0.01 * (read.metrics["rollout"] + 1))
    return dataclasses.replace(read, metrics=read.metrics.assign(**{CLIP: by_hand}))


def aimed(logs: Logs, **targets: float) -> Evidence:
    arms = [{**arm, "target_clip_frac": targets.get(arm["name"])} for arm in logs.manifest["arms"]]
    return Evidence(dataclasses.replace(logs, manifest={**logs.manifest, "arms": arms}))


def tables(evidence: Evidence) -> dict[str, Any]:
    found = {
        "results": results_table(evidence, "results", "sampled", 1.0),
        "dynamics": dynamics_table(evidence),
    }
    assert all(found.values())
    return found


def gate(evidence: Evidence) -> tuple[str, str]:
    (found,) = [g for g in check_gates(evidence) if g.name == GATE]
    return found.verdict, found.evidence


def test_the_realized_rate_is_of_second_updates_in_the_last_half_of_each_run(logs: Logs) -> None:
    # rollouts 2 and 3 of 4: (.03 + .04) / 2; the other run ended after 3 rollouts, of which 1 and 2 count: (.02 + .03) / 2
    (run, *_) = [i for i, r in enumerate(logs.runs) if r["arm"] == "sspo"]
    short = logs.metrics[(logs.metrics["run"] != run) | (logs.metrics["rollout"] < 3)]
    (found,) = matchings(aimed(dataclasses.replace(logs, metrics=short), sspo=0.02))
    assert found.realized == pytest.approx((0.035 + 0.025) / 2)


@pytest.mark.parametrize(
    ("realised", "unmatched"),
    [(0.0133, True), (0.0135, False), (0.0299, False), (0.0301, True), (None, False)],
)
def test_a_rate_is_near_its_target_from_two_thirds_to_one_and_a_half(
    logs: Logs, realised: float | None, unmatched: bool
) -> None:
    arm = Evidence(logs).study.arms[0]
    assert Matching(arm, 0.02, realised).unmatched == unmatched
    assert Matching(arm, 0.02, realised).holds == (realised is not None and not unmatched)


def test_control_integral_is_held_to_a_point_as_well(logs: Logs) -> None:
    arms = [
        {**arm, "target_clip_frac": target, "overrides": [*arm.get("overrides", ()), *law]}
        for arm, target, law in zip(
            logs.manifest["arms"],
            (0.0255, 0.0245, 0.0245),
            (["objective.bounds.target_control=integral"],) * 2 + ([],),
            strict=True,
        )
    ]
    evidence = Evidence(dataclasses.replace(logs, manifest={**logs.manifest, "arms": arms}))
    # 3.5 % was realized: within a point of 2.55 % and not of 2.45 %, which is within 1.5 times for all
    assert [m.holds for m in matchings(evidence)] == [True, False, True]
    assert (
        "0.67 to 1.5 times the target and, under control 'integral', one percentage point"
        in gate(evidence)[1]
    )


def test_an_arm_that_left_its_target_is_marked_and_named_with_both_numbers(logs: Logs) -> None:
    evidence = aimed(logs, grpo=0.03, sspo=0.01)
    for table in tables(evidence).values():
        labels = [row.cells[0].text for row in table.rows]
        assert "SSPO .05 adaptive (unmatched)" in labels
        assert "GRPO .2" in labels
    common = " ".join(captions.common(evidence))
    assert "SSPO .05 adaptive (target 1.00 %, realized 3.50 %)." in common
    assert "2 arms are matched to a clip fraction that a controller holds" in common
    verdict, sentence = gate(evidence)
    assert verdict == "fail"
    assert "target 3.00 %: realized 3.50 to 3.50 % (1 arm); SSPO .05 adaptive (target 1.00 %" in sentence
    assert gate(aimed(logs, grpo=0.03, sspo=0.04))[0] == "pass"


def test_an_arm_without_a_matched_update_makes_no_verdict(logs: Logs) -> None:
    first = dataclasses.replace(logs, metrics=logs.metrics[logs.metrics["update"] == 0])
    evidence = aimed(first, sspo=0.02)
    assert gate(evidence) == (
        "not testable",
        "SSPO .05 adaptive (target 2.00 %, no matched update); 0.67 to 1.5 times the target required",
    )
    assert "unmatched" not in str(tables(evidence)["results"].rows)


def test_without_targets_there_is_no_gate_and_no_sentence_but_the_rate(logs: Logs) -> None:
    evidence = aimed(logs)
    assert GATE not in [g.name for g in check_gates(evidence)]
    found = tables(evidence)
    assert "controller" not in " ".join(captions.common(evidence))
    place = found["dynamics"].columns.index("clip, 2nd half %")
    of_runs = {row.cells[0].data["arm"]: row.cells[place].text.split(" / ") for row in found["dynamics"].rows}
    assert all(set(values) == {"3.50"} for values in of_runs.values())
    assert len(of_runs) == 3


def test_a_manifest_from_before_targets_reads_as_one_without(logs: Logs) -> None:
    arms = [{k: v for k, v in arm.items() if k != "target_clip_frac"} for arm in logs.manifest["arms"]]
    old = Evidence(dataclasses.replace(logs, manifest={**logs.manifest, "arms": arms}))
    assert [arm.target_clip_frac for arm in old.study.arms] == [None] * 3
