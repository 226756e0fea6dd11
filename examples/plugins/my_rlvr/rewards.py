"""1 for the right answer, less for a wrong one: `reward=near_answer "reward.options=['wrong=0.1']"`."""

import re

from sspo.config.plugins.options import read_options
from sspo.rewards import PerAnswer
from sspo.types import Score

ANSWER = re.compile(r"answer (\S+) \.")


def open_reward(config):
    """The reward of a configuration."""
    options = read_options("reward.options", config.options, {"wrong": 0.1})

    def answer(text):
        found = ANSWER.findall(text)
        return found[-1] if found else None

    def judge(text, gold):
        said = answer(text)
        if said is None:
            return Score(value=0.0, status="unparsable")
        return (
            Score(value=1.0, status="ok") if said == gold else Score(value=options["wrong"], status="wrong")
        )

    return PerAnswer(judge, answer=answer)
