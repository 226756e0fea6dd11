"""`python -m analysis evaluate` on folders written by hand, whose numbers are worked out in the comments."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from pathlib import Path

import pytest
from evaluation_folders import rows, write_evaluation
from synthetic_store import ARMS, SETS, Scale, write_run

from analysis.__main__ import main
from analysis.evaluations.flags import flags
from analysis.evaluations.named import NamedEvaluation, read_named
from analysis.evaluations.tables import tables
from analysis.importers.outcomes.outcomes import COLUMNS
from analysis.importers.outcomes.sspo import read_folder
from analysis.text.table import Table
from sspo.errors import UserError
from sspo.types import STATUSES
from tests.console import run_here

FIRST = {"add": [[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], "sum": [[1, 1, 1, 0], [0, 0, 0, 1]]}
OTHER = {"add": [[1, 1, 1, 1], [1, 1, 1, 0], [0, 1, 0, 0]], "sum": [[1, 1, 1, 1], [0, 0, 1, 1]]}
SAID = {
    ("add", 0): ["4", "4.0", "5", "5"],
    ("add", 1): ["6"] * 4,
    ("add", 2): [None] * 4,
    ("sum", 0): ["1", "1", "1", "2"],
    ("sum", 1): ["8", "8", "8", "9"],
}


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    a = rows(FIRST, said=SAID) + rows({name: [q[:1] for q in of] for name, of in FIRST.items()}, 0.0)
    b = rows(OTHER) + rows({name: [q[:1] for q in of] for name, of in OTHER.items()}, 0.0)
    return [
        write_evaluation(tmp_path / "a", a, model="one"),
        write_evaluation(tmp_path / "b", b, model="other", template="none"),
    ]


def cells(table: Table, row: str) -> dict[str, str]:
    found = next(one for one in table.rows if one.key == row)
    return dict(zip(table.columns, (cell.text for cell in found.cells), strict=True))


def made(paths: list[Path], *ks: int, partial: bool = False) -> list[Table]:
    return tables(read_named(paths, partial=partial), ks)


def test_scores_errors_and_rates_are_those_of_the_hand(two: list[Path]) -> None:
    scores, _ = made(two, 2)
    found = cells(scores, "A T = 1")
    # add: means 1/2, 1, 0; mean .5, variance .25, error sqrt(.25 / 3) = .2887
    # sum: means 3/4, 1/4; mean .5, variance .125, error sqrt(.125 / 2) = .25
    assert (found["add"], found["sum"]) == ("50.0 ± 28.9", "50.0 ± 25.0")
    # average: sqrt(.08333 + .0625) / 2 = .1909
    assert found["average"] == "50.0 ± 19.1"
    # pass@2: add 1 - 1/6, 1, 0 -> .6111; sum 1, 1 - 3/6 -> .75; average .6806
    assert found["pass@2"] == "68.1"
    # maj@2: two of (4, 4.0 | 5, 5): both right 1/6, one each 4/6 shared; = .5; then 1, 0 -> .5.
    # sum: 1 1 1 2: both right 3/6, one each 3/6 shared = .75; 8 8 8 9 with 9 right: one each 3/6 shared = .25 -> .5
    assert found["maj@2"] == "50.0"
    # tokens are 10 plus the number of the question: (10 + 11 + 12 + 10 + 11) / 5
    assert (found["questions"], found["k"], found["truncated %"], found["tokens"]) == ("5", "4", "0.0", "11")
    assert cells(scores, "B T = 1")["maj@2"] == "–"
    assert cells(scores, "A greedy")["pass@2"] == "–"
    assert cells(made(two)[0], "A T = 1")["pass@k"] == "83.3"  # of 4: add 2 of 3 are solved, sum both


def test_differences_pair_the_questions_that_both_answered(two: list[Path]) -> None:
    _, apart = made(two)
    # add: B - A is 1/2, -1/4, 1/4: mean 1/6, squared deviations 1/9 + 25/144 + 1/144 = 7/24, error^2 7/144
    # sum: 1/4, 1/4: mean 1/4, error 0. Average 5/24 = 20.83, error sqrt(7/144) / 2 = .11024, all of it of add: df 2,
    # t(2, 97.5 %) = 4.3027, half 47.43
    average = cells(apart, "B − A T = 1 average")
    assert (average["questions"], average["Δ"]) == ("5", "+20.8 [−26.6, +68.3]")
    # p of t = 1.8898 at 2 df: 1 - t / sqrt(2 + t^2) = .1994
    assert average["p"] == "0.20"
    assert cells(apart, "B − A T = 1 sum")["Δ"] == "+25.0"
    # prompts differ; that models do is what was asked
    said = " ".join(apart.caption)
    assert "Scored differently, prompt: chat (A); none (B)." in said
    assert "Scored differently, model" not in said


def test_a_question_that_one_lacks_is_left_out_and_named(two: list[Path], tmp_path: Path) -> None:
    fewer = write_evaluation(tmp_path / "c", rows({"add": OTHER["add"][:2], "more": [[1, 0, 0, 0]]}))
    scores, apart = made([two[0], fewer])
    assert cells(apart, "B − A T = 1 add")["questions"] == "2 (1 left out)"
    said = " ".join(apart.caption)
    assert "add: 2 of 3 questions were answered by all" in said
    assert "sum was not asked in B" in said
    assert "average" not in cells(scores, "B T = 1")


def test_what_is_unfinished_is_shown_and_counts_only_when_asked(two: list[Path], tmp_path: Path) -> None:
    half = write_evaluation(tmp_path / "half", rows(OTHER)[:12], done=False)
    path = half / "eval.jsonl"
    path.write_text(path.read_text() + '{"rollout": -1, "fin')
    (scores,) = made([two[0], half])
    assert cells(scores, "B: toy (unfinished, 12 answers)")["average"] == "–"
    assert "B is unfinished (12 answers) and not compared" in " ".join(scores.caption)
    assert "B: The last line of its log is torn and was left out." in scores.caption
    _, apart = made([two[0], half], partial=True)
    assert cells(apart, "B − A T = 1 add")["questions"] == "3"
    (alone,) = made([half, two[0]])
    assert "A is unfinished" in " ".join(alone.caption)


def test_a_lone_temperature_is_compared_with_another_one_and_says_so(tmp_path: Path) -> None:
    paths = [
        write_evaluation(tmp_path / name, rows(OTHER, temperature))
        for name, temperature in (("warm", 1.0), ("cool", 0.5))
    ]
    _, apart = made(paths)
    assert cells(apart, "B − A T = 0.5 against T = 1 average")["Δ"] == "+0.0"


def test_a_training_run_is_read_by_its_final_answers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, ARMS[2], "0" * 12, 3, Scale(questions=2, samples=4))
    found = read_folder(folder)
    assert (found.name, found.finished) == ("000000000000/seed3", True)
    assert tuple(found.rows.columns) == COLUMNS
    assert set(found.rows["status"]) <= set(STATUSES)
    assert len(found.rows) == len(SETS) * 2 * (1 + 4)
    log = folder / "eval.jsonl"
    log.write_text(log.read_text().replace('"tokens": 40', '"tokens": 41', 1))
    with pytest.raises(UserError, match="was changed after the run ended"):
        read_folder(folder)


def test_all_files_hold_the_tables(two: list[Path], tmp_path: Path) -> None:
    hostile = write_evaluation(tmp_path / "h", rows(OTHER), model="<b>_$")
    for kind in ("md", "tex", "csv", "html"):
        to = tmp_path / f"out.{kind}"
        result = run_here(main, "evaluate", *map(str, (two[0], hostile)), "--to", str(to))
        assert (result.returncode, result.stderr) == (0, "")
        assert f"wrote {to}" in result.stdout
        assert "<b>" not in to.read_text() or kind == "csv"
    assert "20.8" in result.stdout
    lines = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert float(lines[-1]["by_question"]) == pytest.approx(100 * 5 / 24)
    assert [
        float(line["average"]) for line in lines if line["evaluation"] == "A: one" and line["k"] == "4"
    ] == [50]


def test_answers_of_other_tools_say_less_and_are_compared_by_what_they_say(two: list[Path]) -> None:
    ours = read_folder(two[0])
    theirs = ours.rows.assign(temperature=float("nan"), tokens=float("nan"), truncated=None, answer=None)
    other = dataclasses.replace(
        ours, rows=theirs, source="lm-eval", name="theirs", scored_by={"tool": "lm-eval"}
    )
    scores, apart = tables([NamedEvaluation("A", ours), NamedEvaluation("B", other)], ())
    assert cells(apart, "B − A greedy average")["Δ"] == "+0.0"
    assert cells(apart, "B − A sampled against T = 1 average")["questions"] == "5"
    found = cells(scores, "B sampled")
    assert (found["truncated %"], found["tokens"], found["maj@k"]) == ("–", "–", "–")
    assert "Scored differently, prompt: chat (A); not stated (B)." in apart.caption


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{a}", "--k", "8"], "--k 8 is above the 4 samples per question of A: one at T = 1: use at most 4"),
        (["{a}", "--k", "two"], "--k lists whole numbers above 0 such as 1,4,8, got 'two'"),
        (["{a}", "--to", "table.xlsx"], "--to writes .md, .tex, .csv, .html, got table.xlsx"),
        (["{a}/nothing"], "nothing does not exist"),
        (
            ["{a}/config.yaml"],
            "holds no results by question: pass the folder of an evaluation or of a training run",
        ),
        (["{a}", "--partail"], "did you mean '--partial'?"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(two: list[Path], words: list[str], says: str) -> None:
    result = run_here(main, "evaluate", *(word.format(a=two[0]) for word in words))
    assert result.returncode == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_damaged_line_and_a_value_that_is_no_score_are_refused(tmp_path: Path) -> None:
    bad = rows(OTHER)
    bad[3]["value"] = 1.5
    folder = write_evaluation(tmp_path / "bad", bad)
    with pytest.raises(
        UserError, match=re.escape("holds a value of 1.5, but a score must be between 0 and 1")
    ):
        read_folder(folder)
    bad[3]["value"] = "high"
    with pytest.raises(UserError, match="line 4: value is 'high'"):
        read_folder(write_evaluation(tmp_path / "worse", bad))


def test_greedy_answers_alone_have_no_rates(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "g", rows({"add": [[1], [0]]}, 0.0))
    (table,) = made([folder])
    assert table.columns == ("evaluation", "answers", "questions", "add", "k", "truncated %", "tokens")
    with pytest.raises(UserError, match="all answers are greedy"):
        made([folder], 4)
    assert flags([NamedEvaluation("A", read_folder(folder))]) == []


def test_the_folder_of_a_trained_model_is_called_by_its_run(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "t", rows({"add": [[1], [0]]}, 0.0))
    (folder / "env.json").write_text(json.dumps({"weights": "runs/cells/abc/seed1/checkpoints/step4"}))
    assert read_folder(folder).name == "abc/seed1"


def test_rates_of_unequal_samples_are_of_the_most_that_all_have(two: list[Path], tmp_path: Path) -> None:
    fewer = {name: [question[:2] for question in of] for name, of in OTHER.items()}
    less = write_evaluation(tmp_path / "less", rows(fewer), model="less")
    (scores, _) = made([two[0], less])
    # of two samples of four: add 5/6, 1, 0 and sum 1, 1/2; (11/18 + 3/4) / 2 = 68.1 %
    assert cells(scores, "A T = 1")["pass@2"] == "68.1"
    # of both: add 1, 1, 1 and sum 1, 0: (1 + 1/2) / 2
    assert cells(scores, "B T = 1")["pass@2"] == "75.0"
