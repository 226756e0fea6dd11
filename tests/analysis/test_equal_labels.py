"""Arms of one label, as manifests of before these were refused may hold them: every number stays with its own arm."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, make_manifest, write_study

from analysis.checks.flags import flags
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.logs.manifest import from_manifest
from analysis.logs.run_folders import compact
from analysis.report import write_report
from analysis.tables import captions
from analysis.verify.why import find, read_provenance
from sspo.errors import UserError

BASE, GRPO, GSPO = (next(a for a in ARMS if a.name == name) for name in ("base", "grpo", "gspo"))
TWICE = [
    BASE,
    dataclasses.replace(GRPO, label="GRPO"),
    dataclasses.replace(GRPO, name="grpo_hi", label="GRPO ", level=0.6),
    dataclasses.replace(GSPO, label="GSPO"),
]


def test_arms_of_one_label_are_told_apart_by_their_names() -> None:
    study = from_manifest(make_manifest(TWICE, Scale(), "paper"))
    assert [arm.label for arm in study.arms] == [
        "untrained base",
        "GRPO (grpo)",
        "GRPO (grpo_hi)",
        "GSPO",
    ]


def test_levels_and_factors_of_one_label_are_told_apart_too() -> None:
    manifest = make_manifest([BASE, GRPO], Scale(), "paper")
    levels = [{"name": "low", "label": "ε"}, {"name": "high", "label": "ε"}]
    manifest["factors"] = [{"name": n, "label": "clip", "levels": levels} for n in ("lower", "upper")]
    lower, upper = from_manifest(manifest).factors
    assert [lower.label, upper.label] == ["clip (lower)", "clip (upper)"]
    assert [label for _, label in lower.levels] == ["ε (low)", "ε (high)"]


@pytest.mark.usefixtures("undrawn")
def test_captions_count_every_arm_and_why_answers_for_none_it_was_not_asked_of(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    manifest = write_study(store, TWICE, Scale(rollouts=2, questions=4, samples=2))
    del manifest["arms"][2]["seeds"][2:]  # two runs of one GRPO, three of the other
    compact(store, manifest, tmp_path / "logs")
    evidence = Evidence(read_logs(tmp_path / "logs"))
    assert captions.run_counts(evidence, evidence.primary) == (
        "Each arm was trained with 3 seeds, except GRPO (grpo_hi) (2)."
    )
    write_report("toy", "paper", store, tmp_path)
    _, content = read_provenance("toy", None, tmp_path)
    assert find(content, "results[GRPO (grpo_hi),average]").name == "results[grpo_hi,average]"
    old = {**content, "tables": {**content["tables"]}}
    table = old["tables"]["results"]  # of a report of before
    old["tables"]["results"] = {**table, "labels": [text.partition(" (")[0] for text in table["labels"]]}
    with pytest.raises(UserError, match="'GRPO' is the label of grpo and grpo_hi: name one of them"):
        find(old, "results[GRPO,average]")


def test_identical_trajectories_name_every_arm(tmp_path: Path) -> None:
    # the three arms log the same of what counts as a trajectory
    copies = [BASE, *(dataclasses.replace(GRPO, name=n, label="GRPO") for n in ("grpo", "grpo_2", "grpo_3"))]
    store = tmp_path / "runs"
    manifest = write_study(store, copies, Scale(rollouts=2, questions=4, samples=2))
    cell = manifest["arms"][1]["cell"]
    for arm in manifest["arms"][1:]:
        arm["cell"] = cell
    compact(store, manifest, tmp_path / "logs")
    found = [s for s in flags(Evidence(read_logs(tmp_path / "logs"))) if s.startswith("Identical")]
    assert found == [
        "Identical trajectories: GRPO (grpo) and GRPO (grpo_2) and GRPO (grpo_3) at all shared seeds: "
        "their differences had no effect there."
    ]
