"""Rewards that look at a box or a length, rewards that are added up, and which answers a second grader sees."""

from __future__ import annotations

import pytest

from sspo.config import RewardConfig
from sspo.rewards import open_reward, with_others
from sspo.rewards.boxed_format import score
from sspo.rewards.math_verify import spread
from sspo.types import Problem, Response

FOUR = Problem(id="q", prompt="2 + 2", answer="4")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"It is \boxed{4}.", 1),
        (r"It is \boxed{5}.", 1),  # the right answer is not looked at
        (r"\boxed{3} or \boxed{4}", 0),
        (r"\boxed{}", 0),
        (r"\boxed{4", 0),
        (r"\boxed{4} and \boxed{", 0),
        ("It is 4.", 0),
    ],
)
def test_exactly_one_box(text: str, value: float) -> None:
    found = score(text, "4")
    assert (found.value, found.status) == (value, "ok" if value else "wrong")


def test_brevity_falls_from_one_to_nothing_at_the_limit() -> None:
    responses = [
        Response(text="", tokens=tokens, limit=80, truncated=tokens == 80) for tokens in (0, 20, 60, 80)
    ]
    scores = open_reward(RewardConfig(name="brevity")).score([FOUR] * 4, responses)
    assert [score.value for score in scores] == [1.0, 0.75, 0.25, 0.0]
    assert [score.status for score in scores] == ["ok", "ok", "ok", "truncated"]


def test_rewards_add_up_with_their_weights_and_the_first_one_has_the_state() -> None:
    config = RewardConfig(also=("boxed_format*0.5", "brevity*-0.25"))
    summed = with_others(open_reward(config), config)
    responses = [
        Response(text="answer 4 .", tokens=20, limit=80),
        Response(text=r"\boxed{4}", tokens=40, limit=80),
        Response(text=r"answer 4 . \boxed{4}", tokens=80, limit=80, truncated=True),
    ]
    scores = summed.score([FOUR] * 3, responses)
    # 1 + .5 * 0 - .25 * (1 - 20/80);  0 + .5 * 1 - .25 * (1 - 40/80);  a truncated response is not graded
    assert [score.value for score in scores] == [1 - 0.1875, 0.5 - 0.125, 0.0]
    assert [score.status for score in scores] == ["ok", "unparsable", "truncated"]
    assert scores[0].parts == (("exact_answer", 1.0), ("boxed_format", 0.0), ("brevity", 0.75))
    assert scores[2].parts == (("exact_answer", 0.0), ("boxed_format", 0.0), ("brevity", 0.0))


def test_without_others_training_sees_the_reward_itself() -> None:
    reward = open_reward(RewardConfig())
    assert with_others(reward, RewardConfig()) is reward


def test_a_sample_is_evenly_apart_and_no_larger_than_there_are_answers() -> None:
    assert spread([3, 5, 8, 9, 11, 20], 3) == [3, 8, 11]
    assert spread([3, 5], 64) == [3, 5]
    assert spread([3, 5], 0) == spread([], 64) == []
