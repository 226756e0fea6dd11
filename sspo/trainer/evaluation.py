"""Held-out scoring. Questions, and sampling numbers under equal options, are the same for every arm, seed and step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sspo.config import EvaluationConfig
from sspo.models.policy import Policy
from sspo.randomness import torch_stream
from sspo.rewards import Reward
from sspo.rollout import Sampler
from sspo.tasks import Task
from sspo.trainer.scoring import score_rollout
from sspo.types import Problem

Row = dict[str, Any]


class Evaluator:
    """Scores the current policy on every held-out set of a task."""

    def __init__(
        self, task: Task, reward: Reward, policy: Policy, sampler: Sampler, config: EvaluationConfig
    ):
        self.task = task
        self.reward = reward
        self.policy = policy
        self.sampler = sampler
        self.config = config

    def final(self, rollout: int) -> Iterator[Row]:
        """The scores at the fixed last step: greedy, and `samples` a question at each temperature."""
        for name in self.task.eval_sets:
            problems = self.task.eval_problems(name, self.config.questions)
            yield from self._score(name, problems, 0.0, 1, rollout=rollout, final=True)
            for temperature in self.config.temperatures:
                yield from self._score(
                    name, problems, temperature, self.config.samples, rollout=rollout, final=True
                )

    def curve(self, rollout: int) -> Iterator[Row]:
        """A smaller sample for accuracy over time: one response a question at temperature 1."""
        for name in self.task.eval_sets:
            problems = self.task.eval_problems(name, self.config.curve_questions)
            yield from self._score(name, problems, 1.0, 1, rollout=rollout, final=False)

    def size(self, *, final: bool) -> int:
        """How many answers an evaluation scores."""
        config = self.config
        answers = 1 + len(config.temperatures) * config.samples if final else 1
        asked = config.questions if final else config.curve_questions
        return answers * sum(len(self.task.eval_problems(name, asked)) for name in self.task.eval_sets)

    def _score(
        self,
        name: str,
        problems: list[Problem],
        temperature: float,
        samples: int,
        *,
        rollout: int,
        final: bool,
    ) -> Iterator[Row]:
        per_call = max(1, self.config.batch // samples)
        for start in range(0, len(problems), per_call):
            part = problems[start : start + per_call]
            responses = self.sampler.sample(
                self.policy.prompts((problem.prompt for problem in part), self.config.max_tokens),
                samples,
                max_tokens=self.config.max_tokens,
                temperature=temperature,
                generator=torch_stream(0, f"evaluation {name} at {temperature}", start),
            )
            scores = score_rollout(part, responses, self.policy, self.reward, self.config.max_tokens)
            tokens = responses.mask_BT.sum(1).tolist()
            for i, score in enumerate(scores):
                yield {
                    "rollout": rollout,
                    "final": final,
                    "set": name,
                    "question": part[i // samples].id,
                    "mode": "sampled" if temperature else "greedy",
                    "temperature": temperature,
                    "sample": i % samples,
                    "value": score.value,
                    "status": score.status,
                    "tokens": tokens[i],
                    **({} if score.second is None else {"second": score.second}),
                }
