"""The tables by question and of the evaluation, on a small store; answers in the logs, and the votes that they make."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import scipy.stats
from synthetic_store import ARMS, SETS, Scale, write_study

from analysis.evidence.by_question import pair
from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.logs.compact import EVAL, Logs, read_logs
from analysis.logs.digests import stream_digests
from analysis.logs.run_folders import compact
from analysis.logs.trace import RESPONSES, TRAINING_RESPONSES
from analysis.statistics import paired_by_question
from analysis.tables import captions
from analysis.tables.by_question import by_question_table
from analysis.tables.evaluation import evaluation_table
from analysis.tables.single_runs import single_runs_table
from analysis.text.table import Table

FEW = [arm for arm in ARMS if arm.name in ("base", "grpo", "sspo", "grpo_aa")]
SCALE = Scale(seeds=2, rollouts=2, questions=6)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    place = tmp_path_factory.mktemp("store")
    return place, write_study(place, FEW, SCALE)


@pytest.fixture(scope="module")
def logs(store: tuple[Path, dict[str, Any]]) -> Logs:
    compact(store[0], store[1], store[0] / "logs")
    return read_logs(store[0] / "logs")


def cells(table: Table | None, row: str) -> dict[str, str]:
    assert table is not None
    found = next(one for one in table.rows if one.key == row)
    return dict(zip(table.columns, (cell.text for cell in found.cells), strict=True))


def numbers(table: Table | None, row: str) -> dict[str, Any]:
    assert table is not None
    found = next(one for one in table.rows if one.key == row)
    return {key: value for cell in found.cells for key, value in cell.data.items()}


def of(evidence: Evidence, *arms: str) -> list[np.ndarray]:
    """The means of arms' questions from its rows, without any of the code that is tested."""
    wanted = {run for run, record in enumerate(evidence.logs.runs) if record["arm"] in arms}
    rows = [
        r
        for r in evidence.logs.evaluation.astype({"set": str, "question": str}).to_dict("records")
        if r["run"] in wanted and r["final"] and r["mode"] == "sampled" and r["temperature"] == 1.0
    ]
    means = []
    for name in SETS:
        values: dict[str, list[float]] = {}
        for row in rows:
            if row["set"] == name:
                values.setdefault(row["question"], []).append(row["value"])
        means.append(np.array([np.mean(values[q]) for q in sorted(values)]))
    return means


def test_arms_are_paired_by_question_beside_their_difference_over_runs(logs: Logs) -> None:
    evidence = Evidence(logs)
    table = by_question_table(evidence)
    both = of(evidence, "grpo", "grpo_aa")  # one cell
    found, expected = numbers(table, "sspo"), paired_by_question(of(evidence, "sspo"), both)
    assert found["questions"] == len(SETS) * 6
    for name, value in {
        "by_question": expected.difference,
        "by_question_low": expected.low,
        "by_question_error": expected.error,
    }.items():
        assert value is not None
        assert found[name] == pytest.approx(100 * value)
    assert found["by_question_p"] == pytest.approx(expected.p)
    # with all seeds shared both differences are the same number, and their intervals are of different things
    assert found["over_runs"] == pytest.approx(found["by_question"])
    assert found["over_runs_low"] != pytest.approx(found["by_question_low"])
    assert table is not None
    assert "says nothing about other seeds" in " ".join(table.notes)
    assert [row.key for row in table.rows] == ["sspo", "grpo_aa"]
    assert not any(cell.bold for row in table.rows for cell in row.cells)


def test_questions_that_one_arm_lacks_are_left_out_and_an_arm_without_runs_is_shown(logs: Logs) -> None:
    runs = {record["arm"]: i for i, record in enumerate(logs.runs)}
    rows = logs.evaluation
    arm = rows["run"].isin([runs["sspo"], runs["sspo"] - 1])
    other = dataclasses.replace(
        logs,
        evaluation=rows.assign(
            question=rows["question"]
            .astype(str)
            .mask(arm & rows["question"].astype(str).str.endswith("/0"), "new")
        ).astype({"question": "category"}),
    )
    assert cells(by_question_table(Evidence(other)), "sspo")["questions"] == f"{len(SETS) * 5} (10 left out)"
    none = dataclasses.replace(logs, evaluation=rows[~arm])
    found = cells(by_question_table(Evidence(none)), "sspo")
    assert found["difference by question"] == found["difference over runs"] == "–"


def test_the_evaluation_is_counted_by_set_and_decoding(logs: Logs) -> None:
    evidence = Evidence(logs)
    table = evaluation_table(evidence)
    found = cells(table, "T=1 short")
    assert (found["questions"], found["k"]) == ("6", "4")
    # one question of 6 is worth 16.67 points of its set, and a fifth of that of the average of five
    assert (found["points per question"], found["points of the average"]) == ("16.67", "3.33")
    scores = evidence.primary.loc[[r for r, record in enumerate(logs.runs) if record["arm"] != "base"]]
    assert numbers(table, "T=1 short")["score"] == pytest.approx(100 * scores["short"].mean())
    average = numbers(table, "T=1 average")
    errors = [e.clustered or 0 for e in evidence.evaluation_errors("sampled", 1.0).values()]
    assert average["question_error"] == pytest.approx(100 * np.sqrt(np.mean(np.square(errors))))
    # tokens are 40 plus the number of the question
    assert found["tokens"] == "43"  # 42.5 by hand, a half away from zero
    assert average["pass@k"] == pytest.approx(100 * evidence.passes(4, 1.0).loc[scores.index, AVERAGE].mean())
    # the base answered the same questions: its average alone, 16 samples a question
    assert cells(table, "base T=1 average")["k"] == "16"
    assert table is not None
    assert not [row.key for row in table.rows if row.key == "base T=1 short"]
    assert "maj@k" not in table.columns


def test_what_a_question_is_worth_is_said_of_every_set_where_they_differ_in_size(logs: Logs) -> None:
    equal = captions.evaluation_note(Evidence(logs), "sampled", 1.0)
    assert equal.endswith("; one question counts for 3.33 points.")
    rows = logs.evaluation
    long = rows["set"].astype(str) == "long"
    smaller = rows[~(long & rows["question"].astype(str).str.endswith(("/4", "/5")))]
    said = captions.evaluation_note(Evidence(dataclasses.replace(logs, evaluation=smaller)), "sampled", 1.0)
    # 100 / 4 / 5 and 100 / 6 / 5
    assert said.endswith(
        "; one question counts for 5.00 points in long, 3.33 in short, medium, products and longer."
    )


def state(store: Path) -> None:
    """Give every final sampled answer of the store a text, every seventh none."""
    for path in store.glob("cells/*/seed*/eval.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for i, line in enumerate(lines):
            if line["final"] and line["mode"] == "sampled":
                said = None if i % 7 == 0 else "right" if line["value"] else f"wrong {i % 2}"
                line |= {"answer": said, "response": "a long text\n" * 3}
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def brute(rows: pd.DataFrame, k: int) -> float:
    """maj@k of one question: every subset of k samples, ties shared."""
    wins = []
    for part in itertools.combinations(rows[["value", "answer"]].to_dict("records"), k):
        votes = Counter(
            "RIGHT" if r["value"] >= 1 else r["answer"] for r in part if r["value"] >= 1 or r["answer"]
        )
        top = [answer for answer, n in votes.items() if n == max(votes.values())]
        wins.append(("RIGHT" in top) / len(top) if top else 0.0)
    return float(np.mean(wins))


def test_logged_answers_vote_and_leave_other_logs_as_they_are(tmp_path: Path) -> None:
    manifest = write_study(tmp_path, FEW[:2], Scale(seeds=1, rollouts=1, questions=3))
    compact(tmp_path, manifest, tmp_path / "before")
    assert "answer" not in pq.read_schema(tmp_path / "before" / EVAL).names
    state(tmp_path)
    compact(tmp_path, manifest, tmp_path / "logs", as_ended=False)
    names = pq.read_schema(tmp_path / "logs" / EVAL).names
    assert names[-1] == "answer"
    assert "response" not in names
    before, now = (stream_digests(tmp_path / name) for name in ("before", "logs"))
    assert {stream for stream in now if now[stream] != before[stream]} == {RESPONSES, TRAINING_RESPONSES}
    evidence = Evidence(read_logs(tmp_path / "logs"))
    found = evidence.majorities(3, 1.0)
    rows = evidence.final[(evidence.final["mode"] == "sampled") & (evidence.final["run"] == 1)]
    rows = rows.assign(answer=rows["answer"].astype(object).where(rows["answer"].notna(), None))
    for name in SETS:
        asked = rows[rows["set"] == name].groupby("question", observed=True)
        assert found.loc[1, name] == pytest.approx(np.mean([brute(part, 3) for _, part in asked]))
    assert evidence.majorities(5, 1.0).index.tolist() == [0]  # only the base has so many samples
    assert Evidence(read_logs(tmp_path / "before")).majorities(3, 1.0).empty
    assert cells(evaluation_table(evidence), "T=1 average")["maj@k"] != "–"


@pytest.mark.parametrize("count", [0, 2, 300])
def test_an_arm_without_a_scored_run_is_compared_with_nothing(count: int) -> None:
    names = [f"q{i:03d}" for i in range(300)]
    rows = pd.DataFrame(
        {
            "set": pd.Categorical(["short"] * 300),
            "question": pd.Categorical(names),
            "mean": np.arange(300) % 2.0,
        }
    )

    def means(size: int) -> pd.Series:
        return rows[:size].groupby(["set", "question"], observed=True)["mean"].mean()

    for found in (pair(means(300), means(count)), pair(means(count), means(300))):
        assert found.left_out == 300 - count
        assert (found.comparison is None) == (count == 0)


def test_a_study_of_one_run_an_arm_has_its_scores_with_intervals_over_questions(tmp_path: Path) -> None:
    few = [arm for arm in FEW if arm.name != "grpo_aa"]
    manifest = write_study(tmp_path, few, dataclasses.replace(SCALE, seeds=1))
    compact(tmp_path, manifest, tmp_path / "logs")
    evidence = Evidence(read_logs(tmp_path / "logs"))
    table = single_runs_table(evidence)
    found = numbers(table, "sspo T=1")
    means = of(evidence, "sspo")
    # the mean over sets of means over Q = 6 questions; its error from each set's variance over Q and divided by the sets squared
    error = np.sqrt(sum(m.var(ddof=1) / len(m) for m in means)) / len(means)
    half = (found["score_high"] - found["score_low"]) / 2 / 100
    assert found["score"] == pytest.approx(100 * np.mean([m.mean() for m in means]))
    # Welch's and Satterthwaite's degrees of freedom lie between 5 of one set and 5 a set, so t between 2.571 and its value there
    least = scipy.stats.t.ppf(0.975, 5 * len(means))
    assert least - 1e-9 <= half / error <= 2.571
    change = paired_by_question(means, of(evidence, "base"))
    assert found["by_question"] == pytest.approx(100 * change.difference)
    assert cells(table, "base T=1")["change from the base"] == "–"


def test_arms_of_several_runs_are_not_shown_as_single_ones(logs: Logs) -> None:
    assert single_runs_table(Evidence(logs)) is None
