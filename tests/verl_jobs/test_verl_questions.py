"""The rows of verl's files ask what a run of ours asks, in its tokens and with the seeds of our own vLLM engine."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pyarrow.parquet as pq
import pytest
import torch

from sspo.compose.fast import quick_compose
from sspo.evaluation.evaluator import Evaluator
from sspo.integrations.verl.names import CURVE, LAST, TRAIN
from sspo.integrations.verl.parent.questions import questions_of
from sspo.models.policy import outlined_policy
from sspo.randomness import torch_stream
from sspo.rollout.engine.requests import row_seeds
from sspo.tasks import task_of
from sspo.types import Rollout, Score

WORDS = (
    "trainer.backend=verl",
    "rollout=vllm",
    "trainer.rollouts=3",
    "rollout.prompts=4",
    "rollout.responses=2",
    "trainer.minibatch=8",
    "evaluation.questions=5",
    "evaluation.curve_questions=3",
    "evaluation.samples=3",
    "evaluation.batch=7",
    "evaluation.top_p=0.9",
    "reward.second=4",
)


class Seen:
    """A sampler and reward that remember what they are asked, as requests of our vLLM engine."""

    def __init__(self) -> None:
        self.rows: list[dict] = []
        self.marks: list[bool | None] = []

    def sample(self, prompts, responses, *, draws, **options) -> Rollout:
        seeds = row_seeds(draws, len(prompts) * responses)
        ids = [prompt for prompt in prompts for _ in range(responses)]
        self.rows += [{"ids": one, "seeds": [seed], **options} for one, seed in zip(ids, seeds, strict=True)]
        shape = (len(ids), 1)
        mask_BT = torch.ones(shape, dtype=torch.bool)
        return Rollout(
            prompt_BL=torch.zeros(shape, dtype=torch.long),
            prompt_mask_BL=mask_BT,
            response_BT=torch.ones(shape, dtype=torch.long),
            mask_BT=mask_BT,
            truncated_B=~mask_BT[:, 0],
        )

    def score(self, problems, responses) -> list[Score]:
        self.marks += [response.twice for response in responses]
        return [Score(value=0.0, status="wrong") for _ in responses]


@pytest.mark.parametrize("stream", ["batch", "sample"])
def test_rows_of_an_evaluation_are_those_of_our_evaluator(tmp_path, stream):
    config = quick_compose([*WORDS, f"evaluation.stream={stream}"])
    task, policy = task_of(config), outlined_policy(config.model.path, config.prompt, "float32")
    questions_of(config, task, policy).write(tmp_path)
    for name, final in ((LAST, True), (CURVE, False)):
        seen = Seen()
        evaluator = Evaluator(task, seen, policy, seen, config.evaluation, config.reward.second)
        logged = list(evaluator.final(7) if final else evaluator.curve(7))
        table = pq.read_table(tmp_path / name)
        rows = [json.loads(text) for text in table["sspo"].to_pylist()]
        assert [{key: row[key] for key in seen.rows[0]} for row in rows] == seen.rows
        assert [list({"rollout": 7, "final": final, **row["row"]}.items()) for row in rows] == [
            list(row.items())[:7] for row in logged
        ]
        if stream == "sample":
            assert [row["twice"] for row in rows] == [[mark] for mark in seen.marks]
        assert any(row["twice"] == [True] for row in rows)
        assert table["__rollout_n__"].to_pylist() == [1] * len(rows)
        assert table["data_source"].to_pylist() == [row["set"] for row in logged]


def test_training_rows_are_the_rollouts_in_order_with_the_seeds_of_our_engine():
    config = quick_compose(WORDS)
    task, policy = task_of(config), outlined_policy(config.model.path, config.prompt, "float32")
    questions = questions_of(config, task, policy)
    rows = [json.loads(row["sspo"]) for row in questions.rows[TRAIN]]
    problems = [problem for number in range(3) for problem in task.train_problems(config.seed, number, 4)]
    assert [row["problem"]["id"] for row in rows] == [problem.id for problem in problems]
    assert [row["ids"] for row in rows] == [policy.encode(problem.prompt) for problem in problems]
    assert json.loads(json.dumps(asdict(problems[0]))) == rows[0]["problem"]
    seeds = [
        seed for number in range(3) for seed in row_seeds(torch_stream(config.seed, "rollout", number), 8)
    ]
    assert [seed for row in rows for seed in row["seeds"]] == seeds
    marks = [mark for row in rows for mark in row["twice"]]
    assert [sum(marks[i : i + 8]) for i in (0, 8, 16)] == [4, 4, 4]
    assert [row["extra_info"]["index"] for row in questions.rows[TRAIN]] == list(range(12))
    everything = [json.loads(row["sspo"]) for some in questions.rows.values() for row in some]
    assert questions.longest == max(len(row["ids"]) for row in everything)
    other = questions_of(replace(config, seed=1), task, policy)
    assert other.rows[LAST] == questions.rows[LAST]
    assert other.rows[TRAIN] != questions.rows[TRAIN]
