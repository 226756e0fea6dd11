"""The questions of a trial as verl reads them: train.parquet in the order of training, and a file per kind of evaluation.

A row holds everything that its answers are sampled and scored with, so that verl's templates and samplers have no part in it: the
prompt's token ids and a seed per answer, those that our own vLLM engine would take.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sspo.config import TrainConfig
from sspo.evaluation.draws import constants, curve_step, draws_of, last_step, parts_of, twice_of
from sspo.evaluation.order import Asked, Slice
from sspo.integrations.verl.names import CURVE, LAST, NAME, TRAIN
from sspo.models.policy import Policy
from sspo.randomness import torch_stream
from sspo.rollout.engine.requests import row_seeds
from sspo.runs.runlog import write_atomic
from sspo.tasks import Task
from sspo.types import Problem

TRAINING = "train"
"""The name of the training questions, where verl has the name of a set."""
SCHEMA = pa.schema(
    {
        "prompt": pa.list_(pa.struct({"role": pa.string(), "content": pa.string()})),
        "data_source": pa.string(),
        "agent_name": pa.string(),
        "reward_model": pa.struct({"ground_truth": pa.string()}),
        "extra_info": pa.struct({"index": pa.int64()}),
        "__rollout_n__": pa.int64(),
        NAME: pa.string(),
    }
)
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """All rows of a trial, by file."""

    rows: Mapping[str, Sequence[Row]]
    longest: int
    """Tokens of the longest prompt."""

    def write(self, folder: Path) -> None:
        """Write the files. Raises OSError."""
        for name, rows in self.rows.items():
            content = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), content)
            write_atomic(folder / name, content.getvalue())


def questions_of(config: TrainConfig, task: Task, policy: Policy) -> Questions:
    """Return the rows of a trial. Raises UserError for a prompt that the model cannot read."""
    encode = functools.cache(policy.encode)
    shown = functools.cache(policy.encoder.shown)
    last, curve = (
        list(_evaluation(config, asked, encode))
        for asked in (last_step(task, config.evaluation), curve_step(task, config.evaluation))
    )
    rows = {TRAIN: list(_training(config, task, encode)), CURVE: curve, LAST: last}
    longest = max(len(one["ids"]) for some in rows.values() for one in some)
    return Questions(
        rows={name: [_row(i, one, shown) for i, one in enumerate(some)] for name, some in rows.items()},
        longest=longest,
    )


def _training(
    config: TrainConfig, task: Task, encode: Callable[[str], list[int]]
) -> Iterator[dict[str, Any]]:
    """Yield what a row says of every question of every rollout."""
    rollout, (prompts, group) = config.rollout, (config.rollout.prompts, config.rollout.responses)
    for number in range(config.trainer.rollouts):
        problems = task.train_problems(config.seed, number, prompts)
        seeds = row_seeds(torch_stream(config.seed, "rollout", number), prompts * group)
        twice = _spread(prompts * group, config.reward.second)
        for i, problem in enumerate(problems):
            mine = slice(i * group, (i + 1) * group)
            yield {
                "ids": encode(problem.prompt),
                "seeds": seeds[mine],
                "max_tokens": rollout.max_tokens,
                "temperature": rollout.temperature,
                "top_p": 1.0,
                "top_k": 0,
                "problem": asdict(problem),
                "twice": twice[mine],
            }


def _evaluation(
    config: TrainConfig, step: Sequence[Asked], encode: Callable[[str], list[int]]
) -> Iterator[dict[str, Any]]:
    """Yield what a row says of every answer of an evaluation, in the order of our own evaluator."""
    for asked in step:
        for part in parts_of(asked, config.evaluation):
            yield from _batch(config, asked, part, encode)


def _batch(
    config: TrainConfig, asked: Asked, part: Slice, encode: Callable[[str], list[int]]
) -> Iterator[dict[str, Any]]:
    evaluation, second = config.evaluation, config.reward.second
    answers = list(product(asked.problems[part.first : part.last], range(part.begin, part.end)))
    seeds = row_seeds(draws_of(asked, part, evaluation), len(answers))
    twice = twice_of(asked, part, evaluation, second) or _spread(len(answers), second)
    for (problem, sample), seed, mark in zip(answers, seeds, twice, strict=True):
        yield {
            "ids": encode(problem.prompt),
            "seeds": [seed],
            "max_tokens": evaluation.max_tokens,
            "temperature": asked.temperature,
            "top_p": evaluation.top_p,
            "top_k": evaluation.top_k,
            "problem": asdict(problem),
            "row": constants(asked, problem, sample),
            "twice": [mark],
        }


def _spread(count: int, most: int) -> list[bool]:
    """Return which of `count` answers a second grader scores: they are scored one by one, before it is known which of them
    ended.
    """
    most = min(most, count)
    return [i * most // count < (i + 1) * most // count for i in range(count)]


def _row(index: int, asked: Mapping[str, Any], shown: Callable[[str], str]) -> Row:
    problem: Problem = Problem(**asked["problem"])
    return {
        "prompt": [{"role": "user", "content": shown(problem.prompt)}],
        "data_source": asked["row"]["set"] if "row" in asked else TRAINING,
        "agent_name": NAME,
        "reward_model": {"ground_truth": problem.answer},
        "extra_info": {"index": index},
        "__rollout_n__": len(asked["seeds"]),
        NAME: json.dumps(asked),
    }
