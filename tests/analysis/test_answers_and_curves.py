"""Which answers are scored and drawn, on a small store whose logs are then damaged in known ways."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_store import ARMS, SETS, Scale, write_study

from analysis.checks.gates import check_gates
from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import AVERAGE, GREEDY, Evidence
from analysis.evidence.held_out import base_line, held_out
from analysis.figures.curves import held_out_accuracy, training_reward_accuracy
from analysis.figures.curves.panels import band
from analysis.logs.compact import Logs, read_logs
from analysis.logs.run_folders import compact
from analysis.statistics import t_interval
from analysis.tables import captions
from analysis.tables.results import results_table
from analysis.text.numbers import spread
from sspo.runs.identity import cell_folder

FEW = [arm for arm in ARMS if arm.name in ("base", "no_clip", "grpo", "sspo", "grpo_aa")]
SCALE = Scale(seeds=2)
PRIMARY = ("sampled", 1.0)


@dataclasses.dataclass(frozen=True)
class Small:
    store: Path
    manifest: dict[str, Any]
    logs: Logs

    def run(self, arm: str) -> int:
        return next(i for i, r in enumerate(self.logs.runs) if r["arm"] == arm)

    def with_answers(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Evidence:
        return Evidence(dataclasses.replace(self.logs, evaluation=change(self.logs.evaluation.copy())))

    def answers(self, run: int) -> list[dict[str, Any]]:
        record = self.logs.runs[run]
        text = (cell_folder(self.store, record["cell"], record["seed"]) / "eval.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    store = tmp_path_factory.mktemp("small")
    manifest = write_study(store, FEW, SCALE)
    compact(store, manifest, store / "logs")
    return Small(store, manifest, read_logs(store / "logs"))


def test_of_two_final_evaluations_the_later_one_is_scored(small: Small) -> None:
    run = small.run("sspo")

    def with_an_earlier_one(rows: pd.DataFrame) -> pd.DataFrame:
        early = rows[(rows["run"] == run) & rows["final"]].assign(rollout=1, value=0.0)
        return pd.concat([early.astype(rows.dtypes), rows], ignore_index=True)

    retried, plain = small.with_answers(with_an_earlier_one), Evidence(small.logs)
    pd.testing.assert_frame_equal(retried.primary, plain.primary)
    assert retried.evaluation_errors(*PRIMARY)[run] == plain.evaluation_errors(*PRIMARY)[run]


def test_a_run_that_lacks_answers_is_named_and_not_scored(small: Small) -> None:
    run = small.run("sspo")

    def without_the_last_five(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.drop(rows.index[rows["run"] == run][-5:])

    whole, torn = Evidence(small.logs), small.with_answers(without_the_last_five)
    assert set(whole.primary.index) - set(torn.primary.index) == {run}
    assert captions.run_states(whole) == []
    assert captions.run_states(torn) == ["sspo seed 0: done, but evaluation answers are missing: not scored"]
    # the base has 16 samples a question and is no measure for the arms, nor they for it
    assert small.run("base") in torn.primary.index


def test_one_question_a_set_has_no_error_over_questions_and_no_nan(small: Small) -> None:
    lone = small.with_answers(lambda rows: rows[rows["question"].str.endswith("/0")])
    assert {e.clustered for e in lone.evaluation_errors(*PRIMARY).values()} == {None}
    assert "over samples" in captions.evaluation_note(lone, *PRIMARY)
    assert "nan" not in captions.evaluation_note(lone, *PRIMARY)
    assert "over questions" not in captions.evaluation_note(lone, *PRIMARY)


def test_a_greedy_table_states_the_errors_and_the_runs_of_greedy_answers(small: Small) -> None:
    # by hand from the answers: a set's variance over its questions / their number; root of the sum / sets; root mean square
    whole = small.with_answers(lambda rows: rows)
    rows = whole.final[(whole.final["mode"] == "greedy") & (whole.final["run"] != small.run("base"))]
    by_run: dict[int, list[float]] = {}
    for (run, _), answers in rows.groupby(["run", "set"], observed=True):
        by_run.setdefault(run, []).append(answers["value"].var() / len(answers))
    variances = [sum(sets) / len(sets) ** 2 for sets in by_run.values()]
    error = 100 * (sum(variances) / len(variances)) ** 0.5
    notes = " ".join(results_table(whole, "results_greedy", *GREEDY).notes)
    assert f"one run has a standard error of {error:.2f} points over questions; one" in notes
    assert "over samples" not in notes
    lost = small.with_answers(lambda r: r[~((r["mode"] == "greedy") & (r["run"] == small.run("sspo")))])
    table = results_table(lost, "results_greedy", *GREEDY)
    counts = {row.key: row.cells[table.columns.index("n")].text for row in table.rows}
    assert counts["grpo"] != counts["sspo"]
    assert " of " in counts["sspo"]


def test_runs_that_collapse_without_a_clip_do_not_make_the_evaluation_precise(small: Small) -> None:
    first = small.run("no_clip")

    def torn_apart(rows: pd.DataFrame) -> pd.DataFrame:
        unclipped = rows["run"].isin([first, first + 1])
        return rows.assign(value=rows["value"].mask(unclipped, (rows["run"] == first).astype("float32")))

    collapsed = small.with_answers(torn_apart)
    assert collapsed.primary.loc[[first, first + 1], AVERAGE].tolist() == [1.0, 0.0]
    spreads = [
        {g.name: g.evidence for g in check_gates(e)}["evaluation is precise"].split("seed sd")[1]
        for e in (collapsed, Evidence(small.logs))
    ]
    assert spreads[0] == spreads[1]


def test_held_out_points_share_their_questions_and_begin_before_training(small: Small) -> None:
    evidence, run = Evidence(small.logs), small.run("grpo")
    table = held_out(evidence)
    # of 4 rollouts the second is evaluated; the last has its final evaluation on twice the questions alone
    assert list(table.index) == [-1, 1]
    for rollout in (-1, 1):
        values = [r["value"] for r in small.answers(run) if r["rollout"] == rollout and not r["final"]]
        assert len(values) == SCALE.curve_questions * len(SETS)
        assert table.at[rollout, run] == pytest.approx(sum(values) / len(values))
    assert "5 sets of 6 questions with 1 sample each" in held_out_accuracy.caption(evidence)
    assert "Rollout 0 is before training." in held_out_accuracy.notes(evidence)


def test_held_out_falls_back_to_final_answers(small: Small) -> None:
    evidence = small.with_answers(lambda rows: rows[rows["final"]])
    assert list(held_out(evidence).index) == [3]
    assert "12 questions with 4 samples" in held_out_accuracy.caption(evidence)


def test_the_base_line_is_the_base_on_the_questions_of_the_curve(small: Small) -> None:
    values = [
        r["value"]
        for r in small.answers(small.run("base"))
        if r["temperature"] == 1.0 and int(r["question"].split("/")[1]) < SCALE.curve_questions
    ]
    assert len(values) == 16 * SCALE.curve_questions * len(SETS)
    assert base_line(Evidence(small.logs)) == pytest.approx(sum(values) / len(values))
    base = small.run("base")
    partial = small.with_answers(lambda rows: rows[(rows["run"] != base) | (rows["question"] != "long/2")])
    assert base_line(partial) is None
    assert "dashed" not in " ".join(held_out_accuracy.notes(partial))
    said = " ".join(held_out_accuracy.notes(Evidence(small.logs)))
    first = 100 * held_out(Evidence(small.logs)).loc[-1].mean()
    assert f"the untrained base on these questions, {100 * sum(values) / len(values):.1f} %" in said
    assert f"Runs start at {first:.1f} % with 1 sample per question; the line is over 16" in said


def test_a_mean_ends_where_a_run_does_and_few_runs_have_no_band() -> None:
    # mean 3, sd sqrt(2.5), t(.975, 4) = 2.776445: 2.776445 * sqrt(2.5 / 5) = 1.963243
    y = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, np.nan]])
    found = band(y, 5, curve(scale=1.0))
    assert (found.mean[0], found.low[0], found.high[0]) == pytest.approx((3, 1.036757, 4.963243), abs=1e-6)
    assert np.isnan([found.mean[1], found.low[1], found.high[1]]).all()
    two = band(np.array([[1.0, 2.0]]), 2, curve(scale=1.0))
    assert two.mean[0] == 1.5
    assert np.isnan(two.low[0])


def curve(**options: Any) -> Curve:
    return Curve("", pd.DataFrame(), **options)


def test_bands_of_shares_and_spreads_stay_where_values_can_be() -> None:
    # mean 1, sd sqrt(5), 2.776445 * sqrt(5 / 5) = 2.776445: below zero, which a share cannot be
    share = band(np.array([[0.0, 0.0, 0.0, 0.0, 5.0]]), 5, curve())
    assert (share.mean[0], share.low[0], share.high[0]) == pytest.approx((1, 0, 3.776445), abs=1e-6)
    assert band(np.array([[95.0, 100, 100, 100, 100]]), 5, curve()).high[0] == 100
    # logarithms to base e of 1, e, e^2, e^3, e^4 have mean 2 and half the interval from above
    spread = band(np.exp([[0.0, 1.0, 2.0, 3.0, 4.0]]), 5, curve(geometric=True))
    assert np.log([spread.mean[0], spread.low[0], spread.high[0]]) == pytest.approx(
        [2, 2 - 1.963243, 2 + 1.963243], abs=1e-6
    )
    # roots' arcsines of 0, 25, 50, 75 and 100 % are 0, pi / 6, pi / 4, pi / 3, pi / 2: mean pi / 4, sd .585402 and
    # 2.776445 * .585402 / sqrt(5) = .726875
    logged = band(np.array([[0.0, 25, 50, 75, 100]]), 5, curve(log=True))
    ends = 100 * np.sin(np.pi / 4 + np.array([-0.726875, 0.726875])) ** 2
    assert logged.mean[0] == pytest.approx(50)
    assert [logged.low[0], logged.high[0]] == pytest.approx(ends.tolist(), abs=1e-3)


def test_rewards_are_drawn_above_accuracies(small: Small) -> None:
    figure = training_reward_accuracy.FIGURE.of(Evidence(small.logs)).printed()
    assert figure is not None
    assert [ax.get_title("left") for ax in figure.axes] == ["reward", "accuracy %"]
    rewards = small.logs.metrics.dropna(subset=["reward/mean"])
    rewards = rewards[rewards["run"] == small.run("grpo")]["reward/mean"]
    # both runs of the first arm, parted by a gap
    first = figure.axes[0].lines[0].get_ydata()
    assert first[: len(rewards)] == pytest.approx(rewards.tolist())


def test_captions_say_what_was_not_as_usual(small: Small) -> None:
    table = results_table(Evidence(small.logs), "results", "sampled", 1.0)
    assert table is not None
    caption = " ".join(table.caption)
    assert "avg@4 at temperature 1" in caption
    assert "The untrained base has avg@16." in table.notes
    assert "The primary metric, named by the study's spec" in caption
    amended = dataclasses.replace(small.logs, manifest={**small.logs.manifest, "amended_after_runs": True})
    table = results_table(Evidence(amended), "results", "sampled", 1.0)
    assert table is not None
    caption = " ".join(table.caption)
    assert "the spec's test, primary metric or gates were changed after runs had finished" in caption
    assert "named by" not in caption


def test_equal_runs_are_printed_as_their_mean_alone() -> None:
    assert spread(t_interval([0.1, 0.1, 0.1])) == "10.0"
