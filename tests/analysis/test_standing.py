"""Where arms stand: numbers by hand and by scipy, and the table's cells and traces on a small store."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from synthetic_store import ARMS, Scale, write_study

from analysis.evidence.evidence import Evidence, values
from analysis.inference.above_base import above_base, base_score
from analysis.logs.compact import Logs, read_logs
from analysis.logs.run_folders import compact
from analysis.logs.trace import answers
from analysis.report import write_report
from analysis.statistics import holm, named_rng
from analysis.statistics.standing import above_level, best_probabilities, effect_in_sd
from analysis.tables.standing import standing_table
from analysis.text.table import Table
from analysis.verify.why import why

FEW = [arm for arm in ARMS if arm.name in ("base", "no_clip", "grpo", "sspo", "grpo_aa")]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("store")
    manifest = write_study(place, FEW, Scale(seeds=4, rollouts=3, questions=8, every=1))
    compact(place, manifest, place / "logs")
    return place


@pytest.fixture(scope="module")
def logs(store: Path) -> Logs:
    return read_logs(store / "logs")


def numbers(table: Table | None) -> dict[str, dict[str, Any]]:
    assert table is not None
    return {row.key: {k: v for cell in row.cells for k, v in cell.data.items()} for row in table.rows}


def without(logs: Logs, runs: list[int]) -> Logs:
    """Logs in which these runs failed."""
    records = tuple({**r, "status": "failed"} if i in runs else r for i, r in enumerate(logs.runs))
    return dataclasses.replace(
        logs, runs=records, evaluation=logs.evaluation[~logs.evaluation["run"].isin(runs)]
    )


def test_a_mean_above_a_level_that_is_known_with_an_error() -> None:
    found = above_level([0.6, 0.7, 0.8, 0.9], 0.5, 0.02)
    # mean .75; s^2 / 4 = (.05 / 3) / 4 = .0041667; with .0004 the variance is .0045667, its root .067577; df = .0045667^2 / (.0041667^2 / 3)
    assert found.difference == pytest.approx(0.25)
    assert found.error == pytest.approx(0.067577, abs=1e-6)
    assert found.df == pytest.approx(3.6036, abs=1e-4)
    exact = above_level([0.6, 0.7, 0.8, 0.9], 0.5, 0.0)
    assert exact.p == pytest.approx(scipy.stats.ttest_1samp([0.6, 0.7, 0.8, 0.9], 0.5).pvalue)
    assert above_level([0.7], 0.5, 0.02).p is None
    assert above_level([0.7, 0.7, 0.7, 0.7], 0.5, 0.02).p is None
    with pytest.raises(ValueError, match="no values"):
        above_level([], 0.5, 0.02)


def test_an_effect_in_seed_standard_deviations_has_the_interval_of_the_noncentral_t() -> None:
    found = effect_in_sd([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    assert found is not None
    # difference 1, pooled deviation 1, 4 df: the correction is gamma(2) / (sqrt(2) gamma(1.5)) = 1 / (1.41421 * .886227) = .79788
    assert found.point == pytest.approx(0.79788, abs=1e-5)
    assert found.low is not None
    assert found.high is not None
    scale = np.sqrt(2 / 3)
    for end, tail in ((found.low, 0.975), (found.high, 0.025)):
        assert scipy.stats.nct.cdf(1 / scale, 4, end / scale) == pytest.approx(tail, abs=1e-3)
    other = effect_in_sd([0.0, 1.0, 2.0], [1.0, 2.0, 3.0])
    assert other is not None
    assert (other.point, other.low) == (pytest.approx(-found.point), pytest.approx(-found.high, abs=1e-6))
    assert effect_in_sd([1.0], [1.0, 2.0]) is None
    assert effect_in_sd([1.0, 1.0], [1.0, 1.0]) is None


def test_the_probability_of_the_best_mean_is_that_of_t_posteriors() -> None:
    steady = [0.7, 0.7 + 1e-9, 0.7, 0.7 + 1e-9]
    group = [0.5, 0.6, 0.7, 0.8]
    mine, theirs = best_probabilities([group, steady], named_rng("a test"), draws=200_000)
    # the other mean is all but known, so mine is above it where t with 3 df is above (.7 - .65) / (sd / 2)
    expected = scipy.stats.t.sf((0.7 - 0.65) / (np.std(group, ddof=1) / 2), 3)
    assert mine == pytest.approx(expected, abs=0.005)
    assert mine + theirs == pytest.approx(1)
    assert best_probabilities([group] * 4, named_rng("equal"), 200_000) == pytest.approx(
        [0.25] * 4, abs=0.005
    )


def test_arms_are_tested_against_the_untrained_base(logs: Logs) -> None:
    evidence = Evidence(logs)
    base, found = base_score(evidence), above_base(evidence)
    assert base is not None
    assert base.given_questions  # 16 samples a question
    assert base.error is not None
    assert list(found) == ["no_clip", "grpo", "sspo", "grpo_aa"]
    arms = [arm for arm in evidence.study.arms if arm.competes]
    p = [above_level(values(evidence, evidence.primary, arm), base.level, base.error).p for arm in arms]
    assert [found[arm.name].p_holm for arm in arms] == pytest.approx(holm(p))
    assert {name: one.shown for name, one in found.items()} == {
        "no_clip": False,
        "grpo": True,
        "sspo": True,
        "grpo_aa": None,
    }
    for one in found.values():  # an interval leaves out zero where p is below .05, and nowhere else
        assert one.low is not None
        assert one.high is not None
        if one.p_holm is not None:
            assert (one.low > 0 or one.high < 0) == (one.p_holm < 0.05)


def test_below_four_runs_there_are_values_and_no_test(logs: Logs) -> None:
    fewer = without(logs, [run for run, record in enumerate(logs.runs) if record["seed"] % 100 == 3])
    found = above_base(Evidence(fewer))
    # the reference has six with its A/A runs
    few = [one for name, one in found.items() if name != "grpo"]
    assert {(one.p, one.low, one.shown) for one in few} == {(None, None, None)}
    assert found["grpo"].shown
    table = standing_table(Evidence(fewer))
    assert table is not None
    assert table.columns == ("arm", "over the base", "p (Holm)", "IQM")
    baseless = Evidence(without(logs, [0]))
    assert above_base(baseless) == {}
    assert "over the base" not in (standing_table(baseless) or table).columns


def test_the_table_has_a_row_a_trained_arm_and_no_empty_column(logs: Logs) -> None:
    table = standing_table(Evidence(logs))
    found = numbers(table)
    assert list(found) == ["no_clip", "grpo", "sspo", "grpo_aa"]
    assert sum(one.get("best_percent", 0) for one in found.values()) == pytest.approx(100)
    assert found["no_clip"]["beats_percent"] == 0
    assert found["no_clip"]["effect_sd"] < -5
    assert table is not None
    for place in range(len(table.columns)):
        assert any(row.cells[place].text != "–" for row in table.rows)


@pytest.mark.parametrize("run", [0, 1, 9])
def test_whatever_changes_with_a_run_says_that_it_rests_on_it(logs: Logs, run: int) -> None:
    rows, stream = logs.evaluation.copy(), answers("sampled", 1.0)
    mine = (rows["run"] == run) & rows["final"] & (rows["mode"] == "sampled") & (rows["temperature"] == 1.0)
    rows.loc[mine & rows["question"].astype(str).str.endswith("/0"), "value"] = 0.0
    before, after = (
        standing_table(Evidence(logs)),
        standing_table(Evidence(dataclasses.replace(logs, evaluation=rows))),
    )
    assert before is not None
    assert after is not None
    changed = 0
    for old, new in zip(before.rows, after.rows, strict=True):
        for was, now in zip(old.cells[1:], new.cells[1:], strict=True):
            if was.data != now.data:
                changed += 1
                assert was.trace is not None
                assert run in was.trace.reads[stream]
    assert changed


def test_why_knows_every_number(undrawn: None, store: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    out = tmp_path_factory.mktemp("reports")
    folder, _ = write_report("toy", "paper", store, out)
    lines = why("toy", "standing[sspo,over the base]", None, out)
    assert "minus the untrained base's score" in lines
    assert "base seed 0" in lines
    assert "learning[sspo,rollouts to the target]" in why(
        "toy", "learning[sspo,rollouts to the target]", None, out
    )
    assert (folder / "learning.csv").is_file()
