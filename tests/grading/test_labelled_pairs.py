"""How often the two graders err on 150 pairs whose labels are older than the grader; README.md says how they were made."""

import json
from collections import Counter
from pathlib import Path

import pytest

from sspo.grading.second.grader import judge

PAIRS = [
    json.loads(line) for line in (Path(__file__).parent / "labelled_pairs.jsonl").read_text().splitlines()
]


def errors(right, *kinds):
    """Pairs of some kinds that a grader judges other than their label: (label, gold)."""
    return [
        (pair["label"], pair["gold"])
        for pair in PAIRS
        if pair["kind"] in kinds and right(pair["answer"], pair["gold"]) != (pair["label"] == "right")
    ]


def math_verify_says(answer, gold):
    math_verify = pytest.importorskip("math_verify", reason="math-verify is not installed")
    wanted = math_verify.parse(f"\\boxed{{{gold}}}", parsing_timeout=None)
    return math_verify.verify(wanted, math_verify.parse(answer, parsing_timeout=None), timeout_seconds=None)


def test_the_labels_are_whole():
    assert Counter(pair["kind"] for pair in PAIRS) == {"right": 60, "wrong": 50, "tricky": 40}
    assert Counter(pair["label"] for pair in PAIRS) == {"right": 83, "wrong": 67}
    assert len({(pair["gold"], pair["answer"]) for pair in PAIRS}) == len(PAIRS)
    assert all(pair["reason"] for pair in PAIRS)
    assert all(pair["kind"] in (pair["label"], "tricky") for pair in PAIRS)


def test_the_second_grader_errs_on_none_of_them():
    """It was written after the labels and with their rules in mind, so this says that it keeps them, not that it never errs."""
    assert errors(lambda answer, gold: judge(answer, [gold]).value == 1, "right", "wrong", "tricky") == []


def test_the_second_grader_calls_every_answer_of_them_readable():
    assert not [pair for pair in PAIRS if judge(pair["answer"], [pair["gold"]]).status == "unparsable"]


def test_what_math_verify_errs_on_among_the_tricky():
    """Eight right answers refused, four wrong ones taken."""
    assert errors(math_verify_says, "tricky") == [
        ("right", "0.5"),  # 50 %
        ("right", "62.5%"),  # 62.5
        ("right", "[0,1]"),  # 0 <= x <= 1
        ("right", r"(2,\infty)"),  # x > 2
        ("wrong", r"\sqrt{2}"),  # 1.41421356
        ("right", r"\frac{1}{3}"),  # 0.333..., with a bar
        ("wrong", "(1,2)"),  # {1, 2}
        ("wrong", r"5 \text{ cm}"),  # 5 m
        ("right", r"1 \text{ m}"),  # 100 cm
        ("right", r"90^\circ"),  # pi/2
        ("wrong", "52_8"),  # 52_9
        ("right", "1000000"),  # 1 million
    ]


@pytest.mark.acceptance
def test_what_math_verify_errs_on_among_the_plain():
    """One right answer refused: the same `8 %` twice, of which it reads neither."""
    assert errors(math_verify_says, "right", "wrong") == [("right", r"8 \%")]
