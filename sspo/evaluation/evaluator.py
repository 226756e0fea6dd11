"""Held-out scoring. Questions, and sampling numbers under equal options, are the same for every arm, seed and step."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from sspo.config import EvaluationConfig
from sspo.evaluation.order import Asked, Slice, slices, whole, whole_slices
from sspo.evaluation.scoring import responses_of
from sspo.models.picking import Draws
from sspo.models.policy import Policy
from sspo.randomness import derive, torch_stream
from sspo.rewards import Reward
from sspo.rollout import Sampler
from sspo.tasks import Task
from sspo.types import Response

Row = dict[str, Any]
BY_SAMPLE = "sample"
"""The value of evaluation.stream under which every answer has random numbers of its own."""


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
        self.by_sample = config.stream == BY_SAMPLE
        self.task = task

    @functools.cached_property
    def last_step(self) -> list[Asked]:
        """Return the questions of `final`, in order."""
        return list(_last_step(self.task, self.config))

    @functools.cached_property
    def curve_step(self) -> list[Asked]:
        """Return the questions of `curve`, in order."""
        count = self.config.curve_questions
        return [
            Asked(set=name, problems=self.task.eval_problems(name, count), temperature=1.0, samples=1)
            for name in self.task.eval_sets
        ]

    def final(self, rollout: int) -> Iterator[Row]:
        """Yield the scores at the fixed last step: greedy, and `samples` per question at each temperature."""
        for rows in self.batches(rollout):
            yield from rows

    def curve(self, rollout: int) -> Iterator[Row]:
        """Yield a smaller sample for accuracy over time: one response per question at temperature 1."""
        for asked in self.curve_step:
            for part in self._slices(asked, 0):
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
                for part in self._slices(asked, done):
                    yield list(self._ask(asked, part, rollout, final=True))
            done = max(0, done - asked.size)

    def kept(self, done: int) -> int:
        """Return how many of the first `done` rows of `final` another process can resume from."""
        if self.by_sample:
            return done
        kept = 0
        for asked in self.last_step:
            kept += whole(asked, self.config.batch, done)
            done -= asked.size
            if done <= 0:
                break
        return kept

    def _slices(self, asked: Asked, done: int) -> Iterator[Slice]:
        return (slices if self.by_sample else whole_slices)(asked, self.config.batch, done)

    def _ask(self, asked: Asked, part: Slice, rollout: int, *, final: bool) -> Iterator[Row]:
        problems, limit = asked.problems[part.first : part.last], self.config.max_tokens
        samples = range(part.begin, part.end)
        sampled = self.sampler.sample(
            self.policy.prompts((problem.prompt for problem in problems), limit),
            len(samples),
            max_tokens=limit,
            temperature=asked.temperature,
            draws=self._draws(asked, part),
            top_p=self.config.top_p,
            top_k=self.config.top_k,
        )
        responses = responses_of(sampled, self.policy, limit)
        if self.by_sample:
            responses = self._seen_twice(asked, part, responses)
        rows = list(product(problems, samples))
        scores = self.reward.score([problem for problem, _ in rows], responses)
        answers = self.reward.answers(responses) if self.config.texts else []
        for i, ((problem, sample), score) in enumerate(zip(rows, scores, strict=True)):
            yield {
                "rollout": rollout,
                "final": final,
                "set": asked.set,
                "question": problem.id,
                "mode": asked.mode,
                "temperature": asked.temperature,
                "sample": sample,
                "value": score.value,
                "status": score.status,
                "tokens": responses[i].tokens,
                **({} if score.second is None else {"second": score.second}),
                **({"answer": answers[i], "response": responses[i].text} if self.config.texts else {}),
            }

    def _draws(self, asked: Asked, part: Slice) -> Draws:
        if not self.by_sample:
            return torch_stream(0, f"evaluation {asked.set} at {asked.temperature}", part.first)
        return [
            derive(0, json.dumps(["evaluation", asked.set, problem.id]), sample)
            for problem in asked.problems[part.first : part.last]
            for sample in range(part.begin, part.end)
        ]

    def _seen_twice(self, asked: Asked, part: Slice, responses: Sequence[Response]) -> list[Response]:
        """Return the responses with the second grader's choices marked: evenly spaced in the whole set, whatever the
        batch.
        """
        begin, most = part.first * asked.samples + part.begin, min(self.second, asked.size)
        return [
            replace(response, twice=place * most // asked.size < (place + 1) * most // asked.size)
            for place, response in enumerate(responses, begin)
        ]


def _last_step(task: Task, config: EvaluationConfig) -> Iterator[Asked]:
    for name in task.eval_sets:
        problems = task.eval_problems(name, config.questions)
        yield Asked(set=name, problems=problems, temperature=0.0, samples=1)
        for temperature in config.temperatures:
            yield Asked(set=name, problems=problems, temperature=temperature, samples=config.samples)
