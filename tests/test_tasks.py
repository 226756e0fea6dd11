"""Problems are seeded, splits do not leak, and every gold answer is right."""

from __future__ import annotations

import pytest

from sspo.config import TaskConfig
from sspo.randomness import python_stream
from sspo.rewards.exact_answer import score
from sspo.tasks import open_task
from sspo.tasks.chain import STYLES, held_out, solve, worked_answer


def test_every_worked_answer_of_chain_scores_one():
    task = open_task(TaskConfig())
    problems = task.train_problems(0, 0, 100)
    for set_name in task.eval_sets:
        problems += task.eval_problems(set_name, 50)
    for problem in problems:
        found = score(worked_answer(problem.prompt, python_stream(0, problem.id)), problem.answer)
        assert (found.value, found.status) == (1.0, "ok"), problem


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_right_worked_answer_scores_one_in_every_style_and_stays_in_its_words(style):
    for problem in open_task(TaskConfig()).train_problems(0, 0, 30):
        text = worked_answer(problem.prompt, python_stream(0, problem.id), style=style)
        assert score(text, problem.answer).value == 1
        assert set(text.split(" ")) <= set(STYLES[style].vocabulary)


def test_the_two_styles_say_the_same_in_other_marks():
    # 4 * 2 = 8, 8 - 5 = 3; paragraphs end every clause with one of `,`, `.` and `. \n`, and the last one with a line
    written = {s: worked_answer("4 * 2 - 5 ?", python_stream(3, "styles"), style=s) for s in STYLES}
    words = {s: [w for w in text.split(" ") if w not in (",", ".", "\n")] for s, text in written.items()}
    assert words["clauses"] == words["paragraphs"]
    assert written["clauses"].endswith(" . answer 3 .")
    assert written["paragraphs"].endswith(" . \n answer 3 .")


def test_a_chain_is_read_left_to_right_modulo_ten():
    # 4 * 2 = 8, 8 - 9 = -1 -> 9, 9 + 5 = 14 -> 4
    assert solve("4 * 2 - 9 + 5 ?") == 4


def test_training_and_held_out_prompts_never_meet():
    task = open_task(TaskConfig())
    train = {p.prompt for rollout in range(5) for p in task.train_problems(1, rollout, 50)}
    held = {p.prompt for name in task.eval_sets for p in task.eval_problems(name, 100)}
    assert not train & held
    assert not any(held_out(prompt) for prompt in train)
    assert all(held_out(prompt) for prompt in held)


def test_problems_are_a_function_of_seed_and_rollout_and_seed_zero_is_a_seed():
    task = open_task(TaskConfig())
    assert task.train_problems(0, 3, 8) == task.train_problems(0, 3, 8)
    assert task.train_problems(0, 3, 8) != task.train_problems(1, 3, 8)
    assert task.train_problems(0, 3, 8) != task.train_problems(0, 4, 8)
    assert task.eval_problems("long", 20)[:10] == task.eval_problems("long", 10)


@pytest.mark.parametrize(
    ("text", "value", "status"),
    [
        ("so 1 + 2 is 3 . answer 3 .", 1, "ok"),
        ("answer 4 . answer 3 .", 1, "ok"),
        ("answer 3 . answer 4 .", 0, "wrong"),
        ("answer 33 .", 0, "wrong"),
        ("so 1 + 2 is 3 .", 0, "unparsable"),
        ("answer 3", 0, "unparsable"),
        ("", 0, "unparsable"),
    ],
)
def test_the_last_stated_answer_counts_and_silence_is_unparsable(text, value, status):
    found = score(text, "3")
    assert (found.value, found.status) == (value, status)
