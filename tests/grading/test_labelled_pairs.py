"""How often the two graders err on 150 pairs whose labels are older than the grader; README.md says how they were made."""

import json
from collections import Counter
from pathlib import Path

import pytest

from sspo.config import RewardConfig
from sspo.grading.second.grader import judge
from sspo.rewards import open_reward
from sspo.types import Problem, Response

PAIRS = [
    json.loads(line) for line in (Path(__file__).parent / "labelled_pairs.jsonl").read_text().splitlines()
]


def errors(statuses, *kinds):
    """Pairs of some kinds that a grader judges other than their label: (label, gold)."""
    return [
        (pair["label"], pair["gold"])
        for pair, status in zip(PAIRS, statuses, strict=True)
        if pair["kind"] in kinds and (status == "ok") != (pair["label"] == "right")
    ]


@pytest.fixture(scope="module")
def math_verify():
    """What the reward says of each pair."""
    reward = open_reward(RewardConfig(name="math_verify", second=0))
    problems = [Problem(id="", prompt="", answer=pair["gold"]) for pair in PAIRS]
    responses = [Response(text=pair["answer"], tokens=1, limit=2) for pair in PAIRS]
    yield [score.status for score in reward.score(problems, responses)]
    reward.graders.close()


@pytest.fixture(scope="module")
def second():
    """What the second grader says of each pair."""
    return [judge(pair["answer"], [pair["gold"]]).status for pair in PAIRS]


def test_the_labels_are_whole():
    assert Counter(pair["kind"] for pair in PAIRS) == {"right": 60, "wrong": 50, "tricky": 40}
    assert Counter(pair["label"] for pair in PAIRS) == {"right": 83, "wrong": 67}
    assert len({(pair["gold"], pair["answer"]) for pair in PAIRS}) == len(PAIRS)
    assert all(pair["reason"] for pair in PAIRS)
    assert all(pair["kind"] in (pair["label"], "tricky") for pair in PAIRS)


def test_the_second_grader_errs_on_none_of_them(second):
    """It was written after the labels and with their rules in mind, so this says that it keeps them, not that it never errs."""
    assert errors(second, "right", "wrong", "tricky") == []
    assert "unparsable" not in second


def test_math_verify_errs_on_eleven_of_the_tricky_and_on_none_of_the_plain(math_verify):
    """Seven right answers refused, four wrong ones taken."""
    assert errors(math_verify, "right", "wrong") == []
    assert errors(math_verify, "tricky") == [
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
