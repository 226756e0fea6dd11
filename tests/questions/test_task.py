"""Tasks of question sets: which sets they have, the order of training, and what of them is in a cell's name."""

from __future__ import annotations

import json
import multiprocessing
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.compose.fast import quick_compose
from sspo.config import TaskConfig
from sspo.errors import UserError
from sspo.questions.epochs import slice_of
from sspo.questions.lock_file import Entry, add_entry, entry_of
from sspo.runs.identity import cell_hash
from sspo.tasks import open_task
from sweeps.plan.plan import make_plan
from sweeps.study.load import parse
from tests.questions.test_reading import written


def questions(count: int, first: int = 0) -> list[dict[str, str]]:
    """Questions with right answers."""
    return [{"question": f"{n}?", "answer": f"{n}", "id": f"{n}"} for n in range(first, first + count)]


@given(size=st.integers(1, 12), count=st.integers(1, 9), rollouts=st.integers(1, 12), seed=st.integers(0, 3))
@settings(max_examples=40)
def test_every_question_is_asked_once_an_epoch(size: int, count: int, rollouts: int, seed: int) -> None:
    asked = [place for rollout in range(rollouts) for place in slice_of(size, seed, rollout, count)]
    assert len(asked) == rollouts * count
    epochs = [asked[start : start + size] for start in range(0, len(asked), size)]
    assert all(sorted(epoch) == list(range(size)) for epoch in epochs if len(epoch) == size)
    assert all(len(set(epoch)) == len(epoch) for epoch in epochs)


def test_training_is_a_function_of_seed_and_rollout_and_epochs_differ(tmp_path):
    path = written(tmp_path / "a.jsonl", *questions(20))
    task = open_task(TaskConfig(name="jsonl", train=str(path), eval=(str(path),)))
    third = task.train_problems(5, 3, 8)
    assert third == open_task(TaskConfig(name="jsonl", train=str(path), eval=(str(path),))).train_problems(
        5, 3, 8
    )
    assert third != task.train_problems(6, 3, 8)
    first, second = ([p.id for p in task.train_problems(5, epoch, 20)] for epoch in (0, 1))
    assert sorted(first) == sorted(second)
    assert first != second
    assert [p.id for p in task.eval_problems("a", 3)] == ["0", "1", "2"]
    assert len(task.eval_problems("a", 500)) == 20


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "jsonl"}, "has no questions of its own to evaluate on: set task.eval=[FILE,...]"),
        ({"name": "jsonl", "eval": ("math50",)}, "unknown question set 'math50' in task.eval: did you mean 'math500'?"),
        ({"name": "gsm8k", "train": "math12k"}, "in task.train: did you mean 'math_12k'?"),
        ({"name": "gsm8k", "train": "aime24"}, "task.train=aime24 is a benchmark and has no training questions; use one of gsm8k, math_12k"),
        ({"name": "gsm8k", "eval": ("x/gsm8k.jsonl", "gsm8k")}, "task.eval names two sets 'gsm8k'"),
        ({"name": "gsm8k", "eval": ("./a b.jsonl",)}, "the file's name becomes the header of a results column"),
        ({"name": "gsm8k", "question": "q"}, "task.question=q has no effect: task=gsm8k reads no file"),
        ({"name": "gsm8k", "options": ("a=1",)}, "task.options=[a=1] has no effect: task=gsm8k reads no generated set"),
        ({"name": "jsonl", "eval": ("./a.jsonl",), "folder": "x"}, "task.folder=x has no effect: task=jsonl reads no named set"),
        ({"name": "jsonl", "eval": ("./a.jsonl",), "lock": "x"}, "task.lock=x has no effect"),
        ({"name": "jsonl", "eval": ("./average.jsonl",)}, "task.eval=./average.jsonl: 'average' is the header of the column of means in the results table: rename the file"),
        ({"name": "jsonl", "eval": ("~no-such-user/x.jsonl",)}, "task.eval=~no-such-user/x.jsonl: the home folder at its beginning is unknown; write the full path"),
        ({"name": "jsonl", "train": "~no-such-user/x.jsonl", "eval": ("./a.jsonl",)}, "task.train=~no-such-user/x.jsonl: the home"),
        ({"name": "aime24", "folder": "~no-such-user/x"}, "task.folder=~no-such-user/x: the home"),
        ({"name": "aime24", "lock": "~no-such-user/x"}, "task.lock=~no-such-user/x: the home"),
        ({"name": "reasoning_gym", "eval": ("chain_sum",), "options": ("max_terms=3", "chian_sum.max_terms=3")}, "unknown reasoning-gym set of this task in task.options 'chian_sum': did you mean 'chain_sum'? valid: chain_sum"),
        ({"train": "gsm8k"}, "task.train=gsm8k has no effect: task=chain makes its own questions"),
        ({"eval": ("gsm8k",)}, "task.eval=[gsm8k] has no effect: task=chain makes"),
        ({"folder": "x"}, "task.folder=x has no effect: task=chain makes"),
    ],
)  # fmt: skip
def test_what_a_task_cannot_do_is_one_sentence(options, says):
    with pytest.raises(UserError, match=re.escape(says)):
        open_task(TaskConfig(**options))


def cell(*words: str) -> str:
    """The cell of some overrides."""
    return cell_hash(quick_compose(words))


def test_a_benchmark_alone_is_evaluated_and_not_trained_on(tmp_path):
    written(tmp_path / "aime24.jsonl", *questions(3))
    words = ["task=aime24", f"task.folder={tmp_path}"]
    with pytest.raises(
        UserError, match=r"task=aime24 has no questions to train on: set task\.train=FILE or one of gsm8k"
    ):
        cell(*words)
    assert cell(*words, "trainer.rollouts=0")
    assert cell(*words, f"task.train={written(tmp_path / 'mine.jsonl', *questions(2))}")


def test_what_is_asked_is_in_the_cells_name_and_where_it_is_kept_is_not(tmp_path):
    a, b = (written(tmp_path / name / "set.jsonl", *questions(4)) for name in "ab")
    other = written(tmp_path / "other.jsonl", *questions(4))
    more = written(tmp_path / "more" / "set.jsonl", *questions(5))
    named = written(
        tmp_path / "c" / "set.jsonl",
        *({"q": r["question"], "a": r["answer"], "i": r["id"]} for r in questions(4)),
    )
    plain = cell("task=jsonl", f"task.train={a}", f"task.eval=[{a}]")
    assert cell("task=jsonl", f"task.train={b}", f"task.eval=[{b}]") == plain
    renamed = ("task.question=q", "task.answer=a", "task.id=i")
    assert cell("task=jsonl", f"task.train={named}", f"task.eval=[{named}]", *renamed) == plain
    others = [
        cell("task=jsonl", f"task.train={more}", f"task.eval=[{a}]"),
        cell("task=jsonl", f"task.train={a}", f"task.eval=[{more}]"),
        cell("task=jsonl", f"task.train={a}", f"task.eval=[{other}]"),  # another column
        cell("task=jsonl", f"task.train={a}", f"task.eval=[{a},{other}]"),
        cell("task=jsonl", f"task.train={a}", f"task.eval=[{other},{a}]"),
        cell(),
    ]
    assert len({plain, *others}) == 7
    written(a, *questions(6))  # edited in place, between two looks of one process
    assert cell("task=jsonl", f"task.train={a}", f"task.eval=[{a}]") not in (plain, *others)
    for folder in ("x", "y"):
        written(tmp_path / folder / "aime24.jsonl", *questions(3))
    x, y = (cell("task=aime24", f"task.folder={tmp_path / f}", "trainer.rollouts=0") for f in ("x", "y"))
    assert x == y
    by_name = [f"task.folder={tmp_path / 'x'}", "trainer.rollouts=0"]
    assert cell("task=jsonl", "task.eval=[aime24]", *by_name) == x  # another name for the same task


def locked(lock: Path, content: str) -> list[str]:
    """A lock file that knows AIME 2024."""
    add_entry(
        lock,
        "aime24/test",
        Entry(hub="HuggingFaceH4/aime_2024", revision="c" * 40, sha256=content * 64, rows=30),
    )
    return ["task=aime24", f"task.lock={lock}", "trainer.rollouts=0"]


def test_a_plan_takes_from_the_lock_what_a_set_of_the_hub_holds(tmp_path):
    one, same, other = (
        cell(*locked(tmp_path / name, content)) for name, content in (("1", "d"), ("2", "d"), ("3", "e"))
    )
    assert one == same != other
    (tmp_path / "1").write_text('{"aime24/test": {"hub": "HuggingFaceH4/aime_2024"}}')
    with pytest.raises(UserError, match=r"task\.lock=.* is damaged at 'aime24/test'"):
        cell("task=aime24", f"task.lock={tmp_path / '1'}", "trainer.rollouts=0")
    (tmp_path / "1").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        cell("task=aime24", f"task.lock={tmp_path / '1'}", "trainer.rollouts=0")
    add_entry(
        tmp_path / "4", "aime24/test", Entry(hub="else/where", revision="c" * 40, sha256="d" * 64, rows=30)
    )
    with pytest.raises(UserError, match="came from else/where, and this code uses those of HuggingFaceH4"):
        cell("task=aime24", f"task.lock={tmp_path / '4'}", "trainer.rollouts=0")


def _adds(lock: Path, number: int) -> None:
    """A process that locks a set of its own and one that all of them lock."""
    for name in (f"own{number}/test", "same/test"):
        add_entry(lock, name, Entry(hub=f"{number}", revision="r", sha256="0" * 64, rows=number))


def test_several_processes_lock_their_sets_and_the_first_of_one_set_counts(tmp_path):
    lock = tmp_path / "datasets.lock"
    forks = multiprocessing.get_context("fork")
    children = [forks.Process(target=_adds, args=(lock, number)) for number in range(6)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert sorted(json.loads(lock.read_text())) == [*(f"own{n}/test" for n in range(6)), "same/test"]
    first = entry_of(lock, "same/test")
    assert first == add_entry(lock, "same/test", Entry(hub="late", revision="r", sha256="1" * 64, rows=1))
    assert [path.name for path in tmp_path.iterdir()] == ["datasets.lock"]


def test_a_plan_refuses_what_a_run_would(tmp_path):
    mine = written(tmp_path / "mine.jsonl", *questions(4))
    files = [f"task.train={mine}", f"task.eval=[{mine}]"]

    def planned(*words: str) -> int:
        arms = {name: {"overrides": [f"objective={name}", "task=jsonl", *words]} for name in ("grpo", "gspo")}
        presets = {name: {"seeds": 8} for name in ("smoke", "default", "paper")}
        study = parse(
            "mine", {"title": "t", "question": "q", "baseline": "grpo", "arms": arms, "presets": presets}
        )
        return len(make_plan(study, "smoke", tmp_path / "runs").trials())

    assert planned(*files) == 16  # two arms under eight seeds
    with pytest.raises(UserError, match=r"arm 'grpo': task\.eval=.*absent\.jsonl: no such file"):
        planned(files[0], f"task.eval=[{tmp_path / 'absent.jsonl'}]")
    with pytest.raises(UserError, match=r"arm 'grpo': task\.lock=x has no effect"):
        planned(*files, "task.lock=x")
