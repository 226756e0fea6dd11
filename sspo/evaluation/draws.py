"""What an evaluation asks, with the random numbers of every answer: the same for any sampler, and any process that scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sspo.config import EvaluationConfig
from sspo.evaluation.order import Asked, Slice, slices, whole_slices
from sspo.models.picking import Draws
from sspo.randomness import derive, torch_stream
from sspo.tasks import Task
from sspo.types import Problem

BY_SAMPLE = "sample"
"""The value of evaluation.stream under which every answer has random numbers of its own."""


def by_sample(config: EvaluationConfig) -> bool:
    """Return whether no answer depends on the others of its batch."""
    return config.stream == BY_SAMPLE


def last_step(task: Task, config: EvaluationConfig) -> list[Asked]:
    """Return the questions of the last step in order: of each set greedy, then at each temperature."""
    return list(_last_step(task, config))


def _last_step(task: Task, config: EvaluationConfig) -> Iterator[Asked]:
    for name in task.eval_sets:
        problems = task.eval_problems(name, config.questions)
        yield Asked(set=name, problems=problems, temperature=0.0, samples=1)
        for temperature in config.temperatures:
            yield Asked(set=name, problems=problems, temperature=temperature, samples=config.samples)


def curve_step(task: Task, config: EvaluationConfig) -> list[Asked]:
    """Return the questions of a point of the accuracy curve in order: one response each at temperature 1."""
    return [
        Asked(set=name, problems=task.eval_problems(name, config.curve_questions), temperature=1.0, samples=1)
        for name in task.eval_sets
    ]


def parts_of(asked: Asked, config: EvaluationConfig, done: int = 0) -> Iterator[Slice]:
    """Yield the batches of a set's questions, after the first `done` answers."""
    return (slices if by_sample(config) else whole_slices)(asked, config.batch, done)


def draws_of(asked: Asked, part: Slice, config: EvaluationConfig) -> Draws:
    """Return the random numbers of a batch."""
    if not by_sample(config):
        return torch_stream(0, f"evaluation {asked.set} at {asked.temperature}", part.first)
    return [
        derive(0, json.dumps(["evaluation", asked.set, problem.id]), sample)
        for problem in asked.problems[part.first : part.last]
        for sample in range(part.begin, part.end)
    ]


def twice_of(asked: Asked, part: Slice, config: EvaluationConfig, second: int) -> list[bool] | None:
    """Return which answers of a batch the second grader scores: `second` of the whole set, evenly spaced whatever the
    batch; None if the grader chooses in each batch.
    """
    if not by_sample(config):
        return None
    begin, most = part.first * asked.samples + part.begin, min(second, asked.size)
    count = (part.last - part.first) * (part.end - part.begin)
    return [
        place * most // asked.size < (place + 1) * most // asked.size for place in range(begin, begin + count)
    ]


def constants(asked: Asked, problem: Problem, sample: int) -> dict[str, Any]:
    """Return the part of an answer's row in the log that is known before it is sampled."""
    return {
        "set": asked.set,
        "question": problem.id,
        "mode": asked.mode,
        "temperature": asked.temperature,
        "sample": sample,
    }
