"""The one rule of a study, from runs to tables: who is tested, by what, and what a report says of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from synthetic_store import ARMS, FakeArm, Scale, write_study

from analysis.answer.first_screen import first_screen
from analysis.checks.gates import check_gates
from analysis.evidence.evidence import Evidence, values
from analysis.inference import findings
from analysis.inference.findings import NORMALITY, SIGNS, Summary, alone, primary_summaries
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.registration.standing import NO_REGISTRATION
from analysis.statistics.words import word_power
from analysis.tables import captions
from analysis.tables.results import greedy_results, primary_results
from analysis.text.table import Row, Table

FEW = [a for a in ARMS if a.name in ("base", "no_clip", "grpo", "sspo_05", "sspo", "grpo_aa")]


def make(folder: Path, arms: Sequence[FakeArm], seeds: int, **manifest: object) -> Evidence:
    planned = write_study(folder / "store", arms, Scale(seeds=seeds, rollouts=2))
    compact(folder / "store", {**planned, **manifest}, folder / "logs")
    return Evidence(read_logs(folder / "logs"))


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return make(tmp_path_factory.mktemp("eight"), FEW, 8)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return make(tmp_path_factory.mktemp("three"), FEW, 3)


def summaries(evidence: Evidence) -> dict[str, Summary]:
    return {s.arm.name: s for s in primary_summaries(evidence)}


def row(table: Table | None, arm: str) -> Row:
    assert table is not None
    return next(r for r in table.rows if r.key == arm)


def own(evidence: Evidence, arm: str) -> list[float]:
    return list(evidence.of_arm(evidence.primary, evidence.study.arm(arm)).values())


def test_runs_of_an_aa_arm_count_for_their_cell_and_for_nothing_else(eight: Evidence) -> None:
    found, pooled = summaries(eight), [*own(eight, "grpo"), *own(eight, "grpo_aa")]
    assert found["grpo"].columns["average"].n == 16
    assert values(eight, eight.primary, eight.study.arm("grpo_aa")) == own(eight, "grpo_aa")
    theirs = stats.ttest_ind(own(eight, "sspo"), pooled, equal_var=False)
    assert found["sspo"].comparison.p == pytest.approx(theirs.pvalue)
    # the copy is compared with its original's own runs, and is in no family
    apart = stats.ttest_ind(own(eight, "grpo_aa"), own(eight, "grpo"), equal_var=False)
    assert found["grpo_aa"].comparison.p == pytest.approx(apart.pvalue)
    assert found["grpo_aa"].adjusted is None


def test_p_interval_and_bold_are_of_the_primary_average_alone(eight: Evidence) -> None:
    primary, greedy = primary_results(eight), greedy_results(eight)
    bold = {(r.key, primary.columns[i]) for r in primary.rows for i, cell in enumerate(r.cells) if cell.bold}
    assert bold == {("sspo", "average"), ("sspo_05", "average")}
    assert greedy is not None
    assert not any(cell.bold for r in greedy.rows for cell in r.cells)
    assert "p (Holm)" not in greedy.columns
    data = {key: v for cell in row(primary, "sspo").cells for key, v in cell.data.items()}
    assert (data["difference_low"] > 0) == (data["p_holm"] < 0.05)
    paired = stats.ttest_rel(own(eight, "sspo"), own(eight, "grpo"))
    assert data["paired_p"] == pytest.approx(paired.pvalue)
    assert data["seed_correlation"] == pytest.approx(
        np.corrcoef(own(eight, "sspo"), own(eight, "grpo"))[0, 1]
    )
    # eight pairs of one sign: 2 of 2^8 patterns
    assert data["p_sign_flips"] == pytest.approx(2 / 256)


def test_below_four_runs_an_arm_shows_its_values_and_is_not_tested(three: Evidence) -> None:
    table = primary_results(three)
    shown = row(table, "sspo").cells
    average = table.columns.index("average")
    assert shown[average].text == " / ".join(three.unit.text(v) for v in own(three, "sspo"))
    assert "[" not in shown[table.columns.index("difference to GRPO .2")].text
    assert shown[table.columns.index("p (Holm)")].text == "–" if "p (Holm)" in table.columns else True
    assert not any(cell.bold for r in table.rows for cell in r.cells)
    # with its A/A runs the reference has six
    assert "±" in row(table, "grpo").cells[average].text
    assert "a p needs 4 scored runs of both arms" in " ".join(table.notes)


def with_p(summary: Summary, p: float, flips: float | None, other: float | None) -> Summary:
    assert summary.adjusted is not None
    adjusted = dataclasses.replace(summary.adjusted, p=p)
    return dataclasses.replace(summary, adjusted=adjusted, flips_p=flips, other_p=other)


def test_a_finding_of_one_method_says_which(eight: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    sspo = summaries(eight)["sspo"]
    marks = {
        (p, flips): with_p(sspo, p, flips, None).rests_on(0.05)
        for p in (0.01, 0.2)
        for flips in (0.01, 0.2, None)
    }
    assert {key for key, mark in marks.items() if mark == NORMALITY} == {(0.01, 0.2)}
    assert {key for key, mark in marks.items() if mark == SIGNS} == {(0.2, 0.01)}
    one, other = with_p(sspo, 0.01, 0.2, 0.3), with_p(summaries(eight)["no_clip"], 0.3, 0.01, 0.02)
    found = alone(eight, [one, other], 0.05)
    assert {test: [s.arm.name for s in arms] for test, arms in found.items()} == {
        "Welch's t, not within seeds,": ["sspo"],
        "a paired t, within seeds,": ["no_clip"],
    }
    given: Mapping[str, Summary] = {**summaries(eight), "sspo": one, "no_clip": other}
    monkeypatch.setattr("analysis.tables.results.summarise", lambda *_: list(given.values()))
    table = primary_results(eight)
    assert row(table, "sspo").cells[table.columns.index("p (Holm)")].text == "0.010 n"
    notes = " ".join(table.notes)
    assert "n: depends on the normal distribution" in notes
    assert "Only a paired t, within seeds, shows a difference for no clip." in notes


def gate(evidence: Evidence, name: str) -> tuple[str, str]:
    found = next(g for g in check_gates(evidence) if g.name == name)
    return found.verdict, found.evidence


def test_the_aa_gate_is_a_test_of_equivalence_and_says_its_power(eight: Evidence, tmp_path: Path) -> None:
    verdict, said = gate(eight, "A/A agrees")
    assert verdict == "open"  # within two points eight runs tell neither way
    c = summaries(eight)["grpo_aa"].comparison
    power = word_power(0.0, 0.02, c.error, c.df, 0.05)["equivalent"]
    assert f"would be shown equal within it in {100 * power:.0f} % of studies" in said
    wide = Evidence(dataclasses.replace(eight.logs, manifest={**eight.logs.manifest, "smallest_effect": 0.3}))
    assert gate(wide, "A/A agrees")[0] == "pass"
    apart = [dataclasses.replace(a, level=0.5) if a.name == "grpo_aa" else a for a in FEW]
    assert gate(make(tmp_path / "one", apart, 4), "A/A agrees")[0] == "fail"
    again = next(a for a in FEW if a.name == "grpo_aa")
    elsewhere = dataclasses.replace(
        again, name="elsewhere", label="another trainer", level=0.5, offset=200, bound=0.3
    )
    verdict, said = gate(make(tmp_path / "two", [*FEW, elsewhere], 4), "A/A agrees")
    assert verdict == "fail", "every copy counts, not the first alone"
    assert "; another trainer: a difference is shown" in said


def test_a_failed_gate_stands_in_the_head_and_in_every_caption(tmp_path: Path) -> None:
    apart = [dataclasses.replace(a, level=0.5) if a.name == "grpo_aa" else a for a in FEW[1:]]
    evidence = make(tmp_path, apart, 4)
    screen = first_screen(evidence)
    assert any(line.startswith("Failed gate: A/A agrees (a difference is shown") for line in screen.head)
    assert "Failed gate: A/A agrees." in captions.warnings(evidence)
    assert not any(captions.FAILED_GATE in line for line in (*screen.warnings, *screen.common))
    # what the preset lacks is not tested, and no failure
    assert gate(evidence, "untrained base has room")[0] == "not testable"


def test_the_first_screen_states_each_common_fact_of_the_captions_once(eight: Evidence) -> None:
    screen, study = first_screen(eight), eight.study
    above = {captions.of_study(eight), study.note_sentence, NO_REGISTRATION, *captions.failed_sentence(eight)}
    assert screen.common
    below = [line for line in captions.common(eight) if line not in above]
    assert below == [*screen.common, *screen.warnings]


def test_no_run_is_summarised_twice(eight: Evidence) -> None:
    assert findings.primary_summaries(eight) is findings.summarise(eight, "sampled", 1.0)
