"""Files of questions: what is read of them, and that what makes no sense is one sentence with its line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sspo.config import TaskConfig
from sspo.errors import UserError
from sspo.questions.golds import boxed, hashes, hashes_or_short
from sspo.questions.question_set import digest_of
from sspo.tasks import open_task
from sspo.types import Problem
from tests.shared_data import DATA, needs_data


def written(path: Path, *rows: Any) -> Path:
    """A JSON Lines file; a text is a line as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def read(path: Path, **options: Any) -> list[Problem]:
    """The questions of a file, as a task has them."""
    task = open_task(TaskConfig(name="jsonl", eval=(str(path),), **options))
    return task.eval_problems(path.stem, 10**6)


def test_answers_are_texts_numbers_or_lists_of_them_and_ids_are_lines_where_there_are_none(tmp_path):
    path = written(
        tmp_path / "a.jsonl",
        "\ufeff" + json.dumps({"question": "q1", "answer": "3", "unread": None}),
        "",
        {"question": "q2", "answer": 142.0, "id": None},
        {"question": " q3\n", "answer": [0.5, "\\frac12", 0.5]},
        {"question": "q4", "answer": 10**30},
    )
    assert read(path) == [
        Problem(id="1", prompt="q1", answer="3"),
        Problem(id="3", prompt="q2", answer="142"),
        Problem(id="4", prompt=" q3\n", answer="0.5", alternatives=("\\frac12",)),
        Problem(id="5", prompt="q4", answer="1" + "0" * 30),
    ]
    named = written(tmp_path / "b.jsonl", {"problem": "q", "answers": ["1"], "uid": "u"})
    assert read(named, question="problem", answer="answers", id="uid") == [
        Problem(id="u", prompt="q", answer="1")
    ]
    with_ids = written(tmp_path / "c.jsonl", *({**GOOD, "id": name} for name in ("x", 7, 1e3)))
    assert [problem.id for problem in read(with_ids)] == ["x", "7", "1000"]


@pytest.mark.parametrize(
    ("given", "gold"),
    [
        ("0.00002", "0.00002"),  # JSON numbers, as they stand in the file
        ("1e-07", "0.0000001"),
        ("1e22", "1" + "0" * 22),
        ("1.5e+23", "15" + "0" * 22),
        ("-0.0", "0"),
        ("-2.5", "-2.5"),
        ('"1e-07"', "1e-07"),  # a text stands as it is
        ('"1.50"', "1.50"),
    ],
)
def test_numbers_are_written_without_an_exponent(tmp_path, given, gold):
    path = written(tmp_path / "a.jsonl", f'{{"question": "q", "answer": {given}}}')
    assert [problem.answer for problem in read(path)] == [gold]


def test_an_id_column_that_is_named_must_be_there(tmp_path):
    path = written(tmp_path / "a.jsonl", {**GOOD, "number": "1"})
    with pytest.raises(UserError, match=r"no column 'numbr': did you mean 'number'\? .*; set task\.id=NAME"):
        read(path, id="numbr")


GOOD = {"question": "q", "answer": "1"}


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((GOOD, '{"question": '), "line 2: not JSON ("),
        (('{"question": ',), "line 1: not JSON ("),
        (("[", '{"question": "q", "answer": "1"}', "]"), "line 1: one JSON object per line is required; this looks like one JSON array"),
        (("", ' [{"question": "q", "answer": "1"}]'), "line 2: one JSON object per line is required; this looks like one JSON array"),
        (("question,answer", "q,1"), "line 1: one JSON object per line is required; this looks like CSV"),
        (('"question";"the answer"', "q,1"), "line 1: one JSON object per line is required; this looks like CSV"),
        ((GOOD, "q,1"), "line 2: not JSON ("),
        ((GOOD, "[1]"), "line 2: a row must be a JSON object with named columns"),
        (('{"question": "q", "answer": NaN}',), "line 1: not JSON (NaN is not JSON)"),
        (("[" * 100_000,), "line 1: not JSON (it nests too deeply)"),
        (({"questoin": "q", "answer": "1"},), "no column 'question': did you mean 'questoin'? it has 'answer', 'questoin'; set task.question=NAME"),
        (({"question": "q", "result": "1"},), "no column 'answer': it has 'question', 'result'; set task.answer=NAME"),
        ((GOOD, {"question": "  ", "answer": "1"}), "line 2, column 'question': the question is empty"),
        (({"question": 5, "answer": "1"},), "a question must be text, got 5"),
        (({"question": "q", "answer": " "},), "column 'answer': the answer is empty"),
        (({"question": "q", "answer": []},), "column 'answer': the list of answers is empty"),
        (({"question": "q", "answer": None},), "column 'answer': must be text or a number, got None"),
        (({"question": "q", "answer": True},), "must be text or a number, got True"),
        (('{"question": "q", "answer": 1e999}',), "must be text or a number, got inf"),
        (({**GOOD, "id": "x"}, {**GOOD, "id": "x"}), "has two questions with the id 'x'; ids must differ"),
        (({**GOOD, "id": "x"}, "", GOOD), "line 3: no id in column 'id', but line 1 has one: give every question an id, or none"),
        ((GOOD, {**GOOD, "id": None}, {**GOOD, "id": "x"}), "line 3: an id in column 'id', but line 1 has none: give every question an id, or none"),
        ((), "holds no questions"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(tmp_path, rows, says):
    path = written(tmp_path / "a.jsonl", *rows)
    with pytest.raises(UserError, match=re.escape(says)) as refused:
        read(path)
    assert str(refused.value).startswith(f"task.eval={path}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told_from_its_neighbours(tmp_path):
    written(tmp_path / "train.jsonl", GOOD)
    with pytest.raises(
        UserError, match=r"task\.eval=.*trian\.jsonl: no such file; the nearest is .*train\.jsonl$"
    ):
        read(tmp_path / "trian.jsonl")
    with pytest.raises(UserError, match=r"nope\.jsonl: no such file$"):  # of its letters `train` has one, n
        read(tmp_path / "nope.jsonl")
    with pytest.raises(UserError, match="no folder"):
        read(tmp_path / "absent" / "train.jsonl")
    (tmp_path / "b.jsonl").mkdir()
    with pytest.raises(UserError, match="it is a folder"):
        read(tmp_path / "b.jsonl")
    (tmp_path / "c.jsonl").write_bytes(b'{"question": "\xff"}\n')
    with pytest.raises(UserError, match="line 1: not JSON"):
        read(tmp_path / "c.jsonl")


@pytest.mark.parametrize(
    ("extract", "text", "gold"),
    [
        (hashes, "48/2 = <<48/2=24>>24\n#### 1,234", "1234"),
        (hashes, "#### 1\n#### -2.5 ", "-2.5"),
        (hashes_or_short, "48/2 = <<48/2=24>>24\n#### 1,234", "1234"),
        (hashes_or_short, " 18 ", "18"),
        (hashes_or_short, "48/2 = 24\nSo it is 24", None),
        (hashes_or_short, "She sells 48 / 2 = 24 clips in May, so that she sold 48 + 24 = 72 of them", None),
        (boxed, r"so \boxed{1} or \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (boxed, r"\boxed{\left\{x : x > \}1\right\}}", r"\left\{x : x > \}1\right\}"),
        (boxed, r"thus $\boxed 7$", "7"),
        (hashes, "48 / 2 = 24", None),
        (boxed, "no box", None),
        (boxed, r"\boxed{1", None),
    ],
)
def test_the_right_answer_in_a_worked_one(extract, text, gold):
    if gold is None:
        with pytest.raises(ValueError, match=r"####|boxed"):
            extract(text)
    else:
        assert extract(text) == gold


def test_a_folder_has_a_sets_own_columns_or_the_plain_ones(tmp_path):
    worked = [{"problem": f"{n}?", "solution": rf"\boxed{{{n}}}", "level": f"Level {n}"} for n in range(1, 6)]
    written(tmp_path / "math_level3to5" / "train.jsonl", *worked)
    plain = {"question": "plain?", "answers": ["1", "2"]}
    written(tmp_path / "math_level3to5" / "test.jsonl", {**plain, "level": 3})
    task = open_task(TaskConfig(name="math_level3to5", folder=str(tmp_path)))
    assert {p.answer for p in task.train_problems(0, 0, 3)} == {"3", "4", "5"}  # of levels 1 to 5
    assert task.eval_problems("math_level3to5", 9) == [
        Problem(id="1", prompt="plain?", answer="1", alternatives=("2",))
    ]
    for rows, line in (([plain], 1), (({**plain, "level": 3}, {**plain, "levl": 3}), 2)):
        lacks = written(tmp_path / "lacks" / "math_level3to5" / "test.jsonl", *rows)
        written(lacks.with_name("train.jsonl"), *worked)
        says = rf"test\.jsonl, line {line}: no column 'level', by whose values questions are taken.*it has 'answers'"
        with pytest.raises(UserError, match=says):
            open_task(TaskConfig(name="math_level3to5", folder=str(tmp_path / "lacks")))
    with pytest.raises(
        UserError, match=r"does not have the questions of aime24 \(test\): put them into .*aime24\.jsonl"
    ):
        open_task(TaskConfig(name="aime24", folder=str(tmp_path)))
    with pytest.raises(UserError, match="no such folder"):
        open_task(TaskConfig(name="aime24", folder=str(tmp_path / "absent")))


def test_the_digest_is_of_ids_questions_and_all_right_answers_in_order():
    one = Problem(id="1", prompt="q", answer="a", alternatives=("b",))
    others = [
        Problem(id="2", prompt="q", answer="a", alternatives=("b",)),
        Problem(id="1", prompt="r", answer="a", alternatives=("b",)),
        Problem(id="1", prompt="q", answer="b", alternatives=("a",)),
        Problem(id="1", prompt="q", answer="a"),
    ]
    assert len({digest_of([one]), *(digest_of([other]) for other in others), digest_of([one, one])}) == 6


def test_gsm8k_in_a_folder_has_worked_answers_or_short_ones(tmp_path):
    for part, answer in (("train", "1 + 1 = 2\n#### 2"), ("test", 3)):
        written(tmp_path / "gsm8k" / f"{part}.jsonl", {"question": "q", "answer": answer})
    task = open_task(TaskConfig(name="gsm8k", folder=str(tmp_path)))
    assert [*task.train_problems(0, 0, 1), *task.eval_problems("gsm8k", 1)] == [
        Problem(id="1", prompt="q", answer="2"),
        Problem(id="1", prompt="q", answer="3"),
    ]
    written(tmp_path / "gsm8k" / "test.jsonl", {"question": "q", "answer": "1 + 1 = 2\nso 2"})
    with pytest.raises(UserError, match=r"line 1, column 'answer': its answer has no ####"):
        open_task(TaskConfig(name="gsm8k", folder=str(tmp_path)))


@needs_data
def test_the_benchmarks_and_gsm8k_load_from_a_folder():
    sets = {"aime24": 30, "amc23": 83, "math500": 500, "minerva": 272, "olympiadbench": 675}
    task = open_task(TaskConfig(name="aime24", eval=tuple(sets), folder=str(DATA / "math_eval")))
    assert {name: len(task.eval_problems(name, 10**6)) for name in task.eval_sets} == sets
    golds = [len(p.golds) for name in sets for p in task.eval_problems(name, 10**6)]
    assert sum(golds) == 1602  # the files have 1,639, of which 37 stand in their lists twice
    gsm8k = open_task(TaskConfig(name="gsm8k", folder=str(DATA)))
    assert len(gsm8k.eval_problems("gsm8k", 10**6)) == 1319
    assert len({p.id for p in gsm8k.train_problems(0, 0, 7473)}) == 7473
    # both files of openai/grade-school-math: first question of test.jsonl ends in `#### 18`
    assert gsm8k.eval_problems("gsm8k", 1)[0].answer == "18"
    assert not [p for p in gsm8k.train_problems(0, 0, 7473) if not re.fullmatch(r"-?[\d.]+", p.answer)]
