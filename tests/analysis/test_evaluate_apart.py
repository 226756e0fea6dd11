"""Evaluations that look alike and are not: other questions, other settings, other weights, values that are no verdicts."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from evaluation_folders import Answers, rows, write_evaluation
from synthetic_store import ARMS, Scale, write_run, write_study

from analysis.checks.scored import scored_apart
from analysis.evaluations.flags import flags
from analysis.evaluations.named import read_named
from analysis.evaluations.tables import tables
from analysis.evidence.evidence import Evidence
from analysis.importers.outcomes.sspo import read_folder
from analysis.importers.study import import_logs
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.tables.evaluation import evaluation_table
from analysis.text.table import Table

TWO: Answers = {"add": [[1, 0], [1, 1]], "sum": [[0, 0], [1, 0]]}
FEW = [arm for arm in ARMS if arm.name in ("base", "grpo")]
ADD: Answers = {"add": [[1, 1], [1, 0]]}


def made(*paths: Path, partial: bool = False) -> list[Table]:
    return tables(read_named(paths, partial=partial), ())


def cells(table: Table, row: str) -> dict[str, str]:
    found = next(one for one in table.rows if one.key == row)
    return dict(zip(table.columns, (cell.text for cell in found.cells), strict=True))


def told(*paths: Path) -> str:
    return " ".join(flags(read_named(paths, partial=False)))


def test_other_questions_under_equal_ids_are_not_paired(tmp_path: Path) -> None:
    a = write_evaluation(
        tmp_path / "a", rows(TWO), environment={"questions": {"add": "1" * 64, "sum": "2" * 64}}
    )
    b = write_evaluation(
        tmp_path / "b", rows(TWO), environment={"questions": {"add": "3" * 64, "sum": "2" * 64}}
    )
    assert read_folder(a).questions == {"add": "1" * 64, "sum": "2" * 64}
    _, apart = made(a, b)
    assert [row.key for row in apart.rows] == ["B − A T = 1 sum"]  # of the set that is left, and no average
    assert "add: A and B have the same ids for different questions or right answers" in told(a, b)
    fewer = write_evaluation(tmp_path / "c", rows(ADD), environment={"questions": {"add": "3" * 64}})
    (scores,) = made(a, fewer)
    assert "T = 1: no set with the same questions, so nothing is paired: B − A." in " ".join(scores.caption)
    unknown = write_evaluation(tmp_path / "d", rows(ADD))
    assert [row.key for row in made(a, unknown)[1].rows] == ["B − A T = 1 add"]


def test_an_import_says_that_equal_ids_stand_for_other_questions(tmp_path: Path) -> None:
    paths = [
        write_evaluation(tmp_path / name, rows(ADD), environment={"questions": {"add": digit * 64}})
        for name, digit in (("a", "1"), ("b", "2"))
    ]
    folder = import_logs(
        "theirs", [f"{p.name}:0={p}" for p in paths], tmp_path / "out", labels={"add": "sums"}
    )
    said = list(scored_apart(Evidence(read_logs(folder))))
    assert "Different questions or right answers under the same ids of sums: a and b." in said


def test_where_a_set_is_missing_nothing_is_averaged_and_all_averages_are_unweighted(tmp_path: Path) -> None:
    lines = rows({"add": [[1, 1]], "sum": [[0, 0], [0, 0], [0, 0]]})
    for line in lines:
        line |= {"status": "truncated" if line["set"] == "add" else "wrong"}
    a = write_evaluation(tmp_path / "a", lines)
    b = write_evaluation(tmp_path / "b", rows(ADD))
    scores = made(a, b)[0]
    # add: all cut, 10 tokens; sum: none, (10 + 11 + 12) / 3 = 11. Over sets: 50 %, 10.5
    assert [cells(scores, "A T = 1")[name] for name in ("truncated %", "tokens", "pass@k")] == [
        "50.0",
        "11",
        "50.0",
    ]
    assert [cells(scores, "B T = 1")[n] for n in ("average", "truncated %", "tokens", "pass@k")] == ["–"] * 4


def test_a_row_without_the_column_is_no_silent_vote(tmp_path: Path) -> None:
    said = {("add", q): ["4", None] for q in range(2)}
    whole = rows({"add": [[1, 0], [0, 0]]}, said=said)
    assert "maj@k" in made(write_evaluation(tmp_path / "a", whole))[0].columns
    del whole[3]["answer"]
    half = write_evaluation(tmp_path / "b", whole)
    assert "maj@k" not in made(half)[0].columns
    assert read_folder(half).rows["answer"].isna().all()


def test_a_run_that_logged_answers_in_part_has_no_majority_in_its_report(tmp_path: Path) -> None:
    manifest = write_study(tmp_path, FEW, Scale(seeds=1, rollouts=1, questions=2))
    for number, path in enumerate(sorted(tmp_path.glob("cells/*/seed*/eval.jsonl"))):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        final = [line for line in lines if line["final"] and line["mode"] == "sampled"]
        for line in final[number:]:
            line["answer"] = None if line["value"] else "5"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    compact(tmp_path, manifest, tmp_path / "logs", as_ended=False)
    assert len(Evidence(read_logs(tmp_path / "logs")).majorities(2, 1.0)) == 1


OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "stop": ({"rollout": {"stop": ["then"]}}, {}, "stop: then (A); none (B)"),
    "system": ({"prompt": {"system": "Be brief."}}, {}, "system prompt: Be brief. (A); none (B)"),
    "batch": (
        {"evaluation": {"stream": "batch", "batch": 4}},
        {"evaluation": {"stream": "batch", "batch": 8}},
        "batch: 4 (A); 8 (B)",
    ),
    "memory": ({"reward": {"memory_mb": 512}}, {}, "reward.memory_mb: 512 (A); the default (B)"),
}


@pytest.mark.parametrize("which", OPTIONS)
def test_options_that_change_answers_are_told_of(which: str, tmp_path: Path) -> None:
    mine, theirs, says = OPTIONS[which]
    a = write_evaluation(tmp_path / "a", rows(ADD), options=mine)
    b = write_evaluation(tmp_path / "b", rows(ADD), options=theirs)
    assert f"Scored differently, {says}." in told(a, b)


def test_all_that_was_asked_is_compared_but_what_it_is_asked_of(tmp_path: Path) -> None:
    alike = {"stop": [], "task.name": "chain", "prompt.template": "chat"}
    a = write_evaluation(
        tmp_path / "a", rows(ADD),
        environment={"asked": {**alike, "numbers": "", "precision": "float32", "weights": "1", "questions.add": "1"}},
    )  # fmt: skip
    b = write_evaluation(
        tmp_path / "b", rows(ADD),
        environment={"asked": {**alike, "numbers": "epoch2", "precision": "bfloat16", "weights": "2", "questions.add": "2", "evaluation.texts": True}},
    )  # fmt: skip
    said = [one for one in told(a, b).split("Scored differently, ") if one]
    assert said == ["numbers: epoch1 (A); epoch2 (B). ", "precision: float32 (A); bfloat16 (B)."]


def test_weights_of_a_run_that_did_not_end_are_noted(tmp_path: Path) -> None:
    for state, says in {
        "diverged": "that diverged",
        "failed": "that failed",
        "unfinished": "that has not finished",
    }.items():
        trained = {"rollouts": 2, "of": 20, "state": state}
        folder = write_evaluation(tmp_path / state, rows(ADD), environment={"trained": trained})
        assert read_folder(folder).note == f"The weights are those after rollout 2 of 20 of a run {says}."
    done = {"rollouts": 20, "of": 20, "state": "done"}
    assert not read_folder(write_evaluation(tmp_path / "d", rows(ADD), environment={"trained": done})).note
    run = write_run(tmp_path, ARMS[2], "0" * 12, 3, Scale(questions=2, samples=4))
    (run / "DONE.json").unlink()
    (run / "FAILED.json").write_text('{"reason": "diverged"}')
    found = read_folder(run)
    assert (found.finished, found.note) == (
        True,
        "The run diverged: its answers are those of its last finite weights.",
    )


def test_graded_rewards_have_no_pass_rate(tmp_path: Path) -> None:
    said = {("add", q): ["4", "5"] for q in range(2)}
    folder = write_evaluation(tmp_path / "a", rows({"add": [[0.25, 0.5], [1, 0]]}, said=said))
    found = cells(made(folder)[0], "A T = 1")
    assert found["add"] == "43.8 ± 6.3"
    assert not {"pass@k", "maj@k"} & set(found)
    assert "A: values between 0 and 1 do not mark answers as right" in told(folder)
    manifest = write_study(tmp_path, FEW, Scale(seeds=1, rollouts=1, questions=2))
    compact(tmp_path, manifest, tmp_path / "logs")
    logs = read_logs(tmp_path / "logs")
    evidence = Evidence(dataclasses.replace(logs, evaluation=logs.evaluation.assign(value=0.5)))
    assert evidence.passes(2, 1.0).empty
    table = evaluation_table(evidence)
    assert table is not None
    assert "pass@k" not in table.columns


def test_two_evaluations_of_one_model_are_called_by_their_folders(tmp_path: Path) -> None:
    paths = [write_evaluation(tmp_path / name, rows(ADD)) for name in ("x/one", "x/two", "y/two")]
    assert [one.title for one in read_named(paths[:2], partial=False)] == ["A: toy (one)", "B: toy (two)"]
    titles = [one.title for one in read_named(paths, partial=False)]
    assert titles == ["A: toy (x/one)", "B: toy (x/two)", "C: toy (y/two)"]
