"""A first rollout that teaches nothing says so, and why."""

from __future__ import annotations

import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.trainer.learn_watch import nothing_learned
from sspo.types import Score

CONFIG = quick_compose([])


def warned(*statuses: str) -> str | None:
    """What is said of two prompts with two responses each."""
    scores = [Score(value=float(status == "ok"), status=status) for status in statuses]
    return nothing_learned(scores, torch.tensor([score.value for score in scores]).view(2, -1), CONFIG)


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (
            ("truncated", "truncated", "truncated", "unparsable"),
            "all responses score 0 (75 % truncated, 25 % unparsable): responses do not end within rollout.max_tokens=112",
        ),
        (("unparsable",) * 4, "(100 % unparsable): reward.name=exact_answer finds no answer that it can read: check the prompt with"),
        (("wrong",) * 4, "all responses score 0 (100 % wrong): the model's answers are wrong: use easier questions"),
        (("ok",) * 4, "all responses score 1 (100 % ok): every response is ok to reward.name=exact_answer: use harder questions"),
        (("truncated", "truncated", "unparsable", "wrong", "wrong", "unparsable", "truncated", "wrong", "truncated", "truncated"), "responses do not end within rollout.max_tokens=112"),
        (("wrong", "unparsable", "truncated", "wrong", "wrong", "truncated", "unparsable", "wrong"), "the model's answers are wrong"),
        (("ok", "ok", "wrong", "wrong"), "the responses of each prompt score alike (50 % ok, 50 % wrong): each prompt is answered correctly always"),
        (("ok", "wrong"), "rollout.responses=1 leaves nothing to compare a response with"),
        (("timeout", "timeout", "wrong", "wrong"), "the grader needs more than reward.cpu_seconds=10 for an answer"),
        (("ok", "truncated", "truncated", "wrong"), "warning: 50 % truncated, 25 % ok, 25 % wrong in the first rollout: responses"),
    ],
)  # fmt: skip
def test_each_reason_has_its_own_words(statuses: tuple[str, ...], said: str) -> None:
    assert said in str(warned(*statuses))


def test_a_rollout_that_teaches_is_left_alone() -> None:
    assert warned("ok", "wrong", "wrong", "wrong") is None
    assert warned("ok", "wrong", "unparsable", "truncated") is None
