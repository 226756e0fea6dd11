"""How fast arms learn: areas and places by hand, and beside a plain recomputation from a small store's rows."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from synthetic_store import ARMS, SETS, Scale, write_study

from analysis.evidence.evidence import Evidence
from analysis.evidence.learning import learning
from analysis.logs.compact import Logs, read_logs
from analysis.logs.run_folders import compact
from analysis.logs.trace import answers, metric
from analysis.statistics.standing import area_under, median_reached
from analysis.tables.learning import learning_table
from analysis.text.table import Table

FEW = [arm for arm in ARMS if arm.name in ("base", "no_clip", "grpo", "sspo")]
SCALE = Scale(seeds=4, rollouts=4, questions=6, every=1)
RUNS = range(1, 13)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    place = tmp_path_factory.mktemp("store")
    compact(place, write_study(place, FEW, SCALE), place / "logs")
    return read_logs(place / "logs")


def by_hand(logs: Logs) -> dict[int, dict[int, float]]:
    """Run to rollout to the mean over sets, from rows."""
    values: dict[tuple[int, int, str], list[float]] = defaultdict(list)
    for row in logs.evaluation.astype({"set": str}).to_dict("records"):
        if not row["final"]:
            values[row["run"], row["rollout"], row["set"]].append(row["value"])
    places = {(run, rollout) for run, rollout, _ in values}
    return {
        run: {
            rollout: float(np.mean([np.mean(values[run, rollout, s]) for s in SETS]))
            for r, rollout in sorted(places)
            if r == run
        }
        for run in RUNS
    }


def numbers(table: Table | None) -> dict[str, dict[str, Any]]:
    assert table is not None
    return {row.key: {k: v for cell in row.cells for k, v in cell.data.items()} for row in table.rows}


def test_an_area_is_the_mean_height_of_straight_lines() -> None:
    place, value = np.array([0.0, 5.0, 10.0]), np.array([0.5, 0.7, 0.6])
    # trapezoids of .6 and .65 on average; up to 7.5 the second ends at .65, so .675 high
    assert area_under(place, value, 10.0) == pytest.approx((5 * 0.6 + 5 * 0.65) / 10)
    assert area_under(place, value, 7.5) == pytest.approx((5 * 0.6 + 2.5 * 0.675) / 7.5)
    # beyond the last place its value goes on
    assert area_under(place, value, 20.0) == pytest.approx((5 * 0.6 + 5 * 0.65 + 10 * 0.6) / 20)
    assert area_under(place[:1], value[:1], 10.0) == 0.5
    with pytest.raises(ValueError, match="no area"):
        area_under(place, value, 0.0)


def test_runs_that_never_arrive_count_as_later_than_all_others() -> None:
    assert median_reached([5.0, None, 10.0]) == 10
    assert median_reached([5.0, 10.0, 20.0, None]) == 15
    assert median_reached([5.0, None, None]) is None
    assert median_reached([5.0, 10.0, None, None]) is None  # between 10 and never


def test_areas_targets_and_places_are_those_of_the_rows(logs: Logs) -> None:
    evidence, scores = Evidence(logs), by_hand(logs)
    found = learning(evidence)
    assert found is not None
    assert found.target is not None
    assert found.tokens == 3 * 57  # evaluations end with three rollouts of responses of 57 tokens
    ends = {
        arm: np.mean([scores[run][2] for run in range(first, first + 4)])
        for arm, first in (("grpo", 5), ("sspo", 9))
    }
    best = max(ends, key=lambda arm: float(ends[arm]))
    assert (found.target.best, found.target.score) == (
        best,
        pytest.approx((found.target.base + ends[best]) / 2),
    )
    for run in RUNS:
        height = [scores[run][rollout] for rollout in (-1, 0, 1, 2)]
        assert found.area(run) == pytest.approx((height[0] / 2 + height[1] + height[2] + height[3] / 2) / 3)
        assert found.area_by("tokens", run) == pytest.approx(found.area(run))  # equally long responses
        there = [place for place, score in enumerate(height) if score >= found.target.score]
        assert found.reached(run, "rollouts") == (there[0] if there else None)
        assert found.reached(run, "tokens") == (57 * there[0] if there else None)
    table = numbers(learning_table(evidence))
    assert table["sspo"]["area"] == pytest.approx(100 * np.mean([found.area(run) for run in range(9, 13)]))
    assert table["no_clip"]["never_reached"] == 4
    assert table["no_clip"]["rollouts_to_target"] is None


def test_longer_responses_cost_more_tokens_and_the_shortest_run_says_how_far(logs: Logs) -> None:
    metrics = logs.metrics.copy()
    longer = metrics["run"] > 8
    metrics.loc[longer, "rollout/response_tokens"] *= 2
    found = learning(Evidence(dataclasses.replace(logs, metrics=metrics)))
    assert found is not None
    height = [by_hand(logs)[9][rollout] for rollout in (-1, 0, 1, 2)]
    # 171 tokens are one and a half rollouts of a run whose rollouts have 114 each
    middle = (height[1] + height[2]) / 2
    expected = ((height[0] + height[1]) / 2 + (height[1] + middle) / 2 / 2) / 1.5
    assert found.tokens == 171
    assert found.area_by("tokens", 9) == pytest.approx(expected)
    none = learning(
        Evidence(dataclasses.replace(logs, metrics=metrics.assign(**{"rollout/response_tokens": np.nan})))
    )
    assert none is not None
    assert none.tokens is None


def test_a_diverged_run_keeps_its_last_score_and_a_cut_one_has_no_curve(logs: Logs) -> None:
    rows = logs.evaluation
    short = dataclasses.replace(
        logs, evaluation=rows[(rows["run"] != 12) | rows["final"] | (rows["rollout"] < 1)]
    )
    cut = learning(Evidence(short))
    assert cut is not None
    assert 12 not in cut.curves
    diverged = learning(
        Evidence(
            dataclasses.replace(short, runs=(*short.runs[:12], {**short.runs[12], "status": "diverged"}))
        )
    )
    assert diverged is not None
    height = [by_hand(logs)[12][rollout] for rollout in (-1, 0)]
    assert diverged.area(12) == pytest.approx(((height[0] + height[1]) / 2 + 2 * height[1]) / 3)


@pytest.mark.parametrize(
    "stream", [answers("sampled", 1.0, final=False), metric("rollout/response_tokens"), "base"]
)
def test_whatever_changes_with_a_stream_says_that_it_rests_on_it(logs: Logs, stream: str) -> None:
    run = 0 if stream == "base" else 9
    rows, metrics = logs.evaluation.copy(), logs.metrics.copy()
    if stream.startswith("metrics/"):
        metrics.loc[metrics["run"] == run, "rollout/response_tokens"] *= 0.5
    else:
        chosen = rows["final"] == (stream == "base")
        rows.loc[(rows["run"] == run) & chosen & (rows["temperature"] == 1.0), "value"] = 0.1
    name = answers("sampled", 1.0) if stream == "base" else stream
    before = learning_table(Evidence(logs))
    after = learning_table(Evidence(dataclasses.replace(logs, evaluation=rows, metrics=metrics)))
    assert before is not None
    assert after is not None
    changed = 0
    for old, new in zip(before.rows, after.rows, strict=True):
        for was, now in zip(old.cells[1:], new.cells[1:], strict=True):
            if (was.data, was.text) != (now.data, now.text):
                changed += 1
                assert was.trace is not None
                assert run in was.trace.reads[name]
    assert changed


def test_there_is_no_table_without_curves_or_a_second_arm(logs: Logs) -> None:
    rows = logs.evaluation
    assert learning_table(Evidence(dataclasses.replace(logs, evaluation=rows[rows["final"]]))) is None
    one = tuple(r if r["arm"] in ("base", "sspo") else {**r, "status": "failed"} for r in logs.runs)
    assert learning_table(Evidence(dataclasses.replace(logs, runs=one))) is None
