"""Arms that are tested against another arm than the study's baseline."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from synthetic_store import ARMS, Scale, write_study

from analysis.evidence.evidence import Evidence, values
from analysis.inference.findings import summarise
from analysis.logs.compact import read_logs
from analysis.logs.manifest import from_manifest
from analysis.logs.run_folders import compact
from analysis.tables.results import results_table
from analysis.tables.stability import stability_table
from sspo.errors import UserError


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Three arms: grpo is the baseline, and sspo_10 is tested against sspo_02."""
    arms = [a for a in ARMS if a.name in ("grpo", "sspo_02", "sspo_10")]
    arms = [dataclasses.replace(a, against="sspo_02") if a.name == "sspo_10" else a for a in arms]
    store, logs = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("logs")
    compact(store, write_study(store, arms, Scale(seeds=4)), logs)
    return Evidence(read_logs(logs))


def test_each_difference_is_to_the_arms_own_reference(evidence: Evidence) -> None:
    summaries = {s.arm.name: s for s in summarise(evidence, "sampled", 1.0)}
    mean = {
        name: sum(v) / len(v)
        for name, s in summaries.items()
        if (v := values(evidence, evidence.primary, s.arm))
    }
    found = {name: s.comparison.difference for name, s in summaries.items() if s.comparison is not None}
    assert found == pytest.approx(
        {"sspo_02": mean["sspo_02"] - mean["grpo"], "sspo_10": mean["sspo_10"] - mean["sspo_02"]}
    )


def test_a_column_says_which(evidence: Evidence) -> None:
    table, stability = results_table(evidence, "results", "sampled", 1.0), stability_table(evidence)
    assert table is not None
    assert stability is not None
    place = table.columns.index("reference")
    named = {row.key: row.cells[place].text for row in table.rows}
    assert (named["sspo_02"], named["sspo_10"]) == ("GRPO .2", "SSPO .02 fixed")
    assert "difference" in table.columns
    if "p (Holm)" in stability.columns:
        assert "against the arm that each is tested against" in stability.meanings["p (Holm)"]


def test_a_reference_that_is_no_arm_is_refused(tmp_path: Path) -> None:
    manifest = json.loads(json.dumps(write_study(tmp_path, ARMS[2:4], Scale(seeds=1))))
    manifest["arms"][1]["against"] = "gone"
    with pytest.raises(UserError, match="tests an arm against 'gone', which is not one of its arms"):
        from_manifest(manifest)
