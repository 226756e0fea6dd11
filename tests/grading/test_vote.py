"""What a response answers, as a text that equal answers share."""

from __future__ import annotations

import pytest

from sspo.config import RewardConfig
from sspo.grading.vote import vote
from sspo.rewards import REWARDS, open_reward, with_others
from sspo.types import Response


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ((r"so \boxed{\frac12}", r"\boxed{0.5}", r"\boxed{ 2/4 }", r"\boxed{50\%}"), "1/2"),
        (("The answer is 1,234.", r"\boxed{1234}", "#### 1234", "thus $1234$"), "1234"),
        ((r"\boxed{\sqrt{2}}", r"\boxed{2^{0.5}}"), "1.414213562"),
        ((r"\boxed{x + 1}", r"\boxed{x+1}"), "x+1"),
        ((r"\boxed{(1, 2)}", r"\boxed{(1,2)}"), "(1,2)"),
        ((r"\boxed{-3}",), "-3"),
        ((r"first \boxed{1} then \boxed{7}",), "7"),
    ],
)
def test_equal_answers_are_one_vote(texts: tuple[str, ...], said: str) -> None:
    assert [vote(text) for text in texts] == [said] * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I do not know what to say about that at all, sorry about it",
        r"\boxed{}",
        r"\boxed{" + "x" * 300 + "}",
    ],
)
def test_what_answers_nothing_has_no_vote(text: str) -> None:
    assert vote(text) is None


def test_a_reward_says_what_responses_answer() -> None:
    def response(text: str, *, truncated: bool = False) -> Response:
        return Response(text=text, tokens=3, limit=9, truncated=truncated)

    responses = [response(r"\boxed{4}"), response("answer 4 ."), response(r"\boxed{4}", truncated=True)]
    assert open_reward(RewardConfig(name="math_verify")).answers(responses) == ["4", "4", None]
    assert open_reward(RewardConfig(name="exact_answer")).answers(responses) == [None, "4", None]
    for name in REWARDS:
        assert len(open_reward(RewardConfig(name=name)).answers(responses)) == 3, name
    summed = RewardConfig(name="exact_answer", also=("brevity*0.5",))
    assert with_others(open_reward(summed), summed).answers(responses) == [None, "4", None]
