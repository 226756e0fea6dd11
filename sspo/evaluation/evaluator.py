"""Held-out scoring. Questions, and sampling numbers under equal options, are the same for every arm, seed and step."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from sspo.config import EvaluationConfig
from sspo.evaluation.draws import by_sample, constants, curve_step, draws_of, last_step, parts_of, twice_of
from sspo.evaluation.order import Asked, Slice, whole
from sspo.evaluation.scoring import responses_of
from sspo.models.policy import Policy
from sspo.rewards import Reward
from sspo.rollout import Sampler
from sspo.tasks import Task

Row = dict[str, Any]


class Evaluator:
    """Scores the current policy on every held-out set of a task.

    An answer's row holds its rollout, final, set, question, mode, temperature, sample, value, status and tokens;
    `second` if a second grader scored it; `answer` and `response` under evaluation.texts.
    """

    def __init__(
        self,
        task: Task,
        reward: Reward,
        policy: Policy,
        sampler: Sampler,
        config: EvaluationConfig,
        second: int = 0,
    ):
        """Prepare the evaluation. `second`: number of answers of each set and decoding that the second grader scores,
        under one stream per sample.
        """
        self.reward = reward
        self.policy = policy
        self.sampler = sampler
        self.config = config
        self.second = second
        self.task = task

    @functools.cached_property
    def last_step(self) -> list[Asked]:
        """Return the questions of `final`, in order."""
        return last_step(self.task, self.config)

    @functools.cached_property
    def curve_step(self) -> list[Asked]:
        """Return the questions of `curve`, in order."""
        return curve_step(self.task, self.config)

    def final(self, rollout: int) -> Iterator[Row]:
        """Yield the scores at the fixed last step: greedy, and `samples` per question at each temperature."""
        for rows in self.batches(rollout):
            yield from rows

    def curve(self, rollout: int) -> Iterator[Row]:
        """Yield a smaller sample for accuracy over time: one response per question at temperature 1."""
        for asked in self.curve_step:
            for part in parts_of(asked, self.config):
                yield from self._ask(asked, part, rollout, final=False)

    def size(self, *, final: bool) -> int:
        """Return the number of answers that an evaluation scores."""
        return sum(asked.size for asked in (self.last_step if final else self.curve_step))

    def batches(self, rollout: int, done: int = 0) -> Iterator[list[Row]]:
        """Yield the rows of `final` in batches, after the first `done` of them, which must be at most the result of
        `kept`.
        """
        for asked in self.last_step:
            if done < asked.size:
                for part in parts_of(asked, self.config, done):
                    yield list(self._ask(asked, part, rollout, final=True))
            done = max(0, done - asked.size)

    def kept(self, done: int) -> int:
        """Return how many of the first `done` rows of `final` another process can resume from."""
        if by_sample(self.config):
            return done
        kept = 0
        for asked in self.last_step:
            kept += whole(asked, self.config.batch, done)
            done -= asked.size
            if done <= 0:
                break
        return kept

    def _ask(self, asked: Asked, part: Slice, rollout: int, *, final: bool) -> Iterator[Row]:
        problems, limit = asked.problems[part.first : part.last], self.config.max_tokens
        samples = range(part.begin, part.end)
        sampled = self.sampler.sample(
            self.policy.prompts((problem.prompt for problem in problems), limit),
            len(samples),
            max_tokens=limit,
            temperature=asked.temperature,
            draws=draws_of(asked, part, self.config),
            top_p=self.config.top_p,
            top_k=self.config.top_k,
        )
        responses = responses_of(sampled, self.policy, limit)
        marks = twice_of(asked, part, self.config, self.second)
        if marks is not None:
            responses = [
                replace(response, twice=mark) for response, mark in zip(responses, marks, strict=True)
            ]
        rows = list(product(problems, samples))
        scores = self.reward.score([problem for problem, _ in rows], responses)
        answers = self.reward.answers(responses) if self.config.texts else []
        for i, ((problem, sample), score) in enumerate(zip(rows, scores, strict=True)):
            yield {
                "rollout": rollout,
                "final": final,
                **constants(asked, problem, sample),
                "value": score.value,
                "status": score.status,
                "tokens": responses[i].tokens,
                **({} if score.second is None else {"second": score.second}),
                **({"answer": answers[i], "response": responses[i].text} if self.config.texts else {}),
            }
