"""The agent loop of a trial's job: one answer, from the prompt's token ids, with a seed of its own, scored by our reward.

A row of the data says everything in its column `sspo` (sspo/integrations/verl/parent/questions.py), so that verl's chat templates, its
decoding and its reward functions have no part in a trial.
"""

from __future__ import annotations

import asyncio
import functools
import json
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from verl.experimental.agent_loop.agent_loop import (
    AgentLoopBase,
    AgentLoopMetrics,
    AgentLoopOutput,
    register,
)

from sspo.config import TrainConfig
from sspo.integrations.verl.job.options import trial_options
from sspo.integrations.verl.names import FAILED_ANSWER, NAME
from sspo.models.folder import model_folder
from sspo.models.loading import read_tokenizer
from sspo.models.memory.shape import NoShape, read_shape
from sspo.models.tokens import end_ids, response_texts
from sspo.rewards import open_reward, with_others
from sspo.types import Problem, Response, Score


class Scorer:
    """Everything that an answer is sampled and scored with, opened once in a process."""

    def __init__(self, config: TrainConfig):
        path, folder = config.model.path, model_folder(config.model.path)
        self.config = config
        self.tokenizer = read_tokenizer(path)
        shape = read_shape(path, folder)
        rows = len(self.tokenizer) if isinstance(shape, NoShape) else shape.vocabulary
        self.ends = end_ids(path, folder, self.tokenizer, rows)
        self.main = open_reward(config.reward)
        self.training = with_others(self.main, config.reward)
        self.one_at_a_time = ThreadPoolExecutor(max_workers=1)  # rewards keep processes that answer in turn

    def sampling(self, asked: Mapping[str, Any], session: int) -> dict[str, Any]:
        """Return vLLM's options for one answer: those that our own vLLM engine samples with."""
        stop = list(self.config.rollout.stop)
        return {
            "max_tokens": asked["max_tokens"],
            # as a draw, the likeliest token leaves other rows their seeds: on a CPU vLLM forgets them all beside a row without
            "temperature": asked["temperature"] or 1.0,
            "top_p": asked["top_p"],
            "top_k": asked["top_k"] if asked["temperature"] else 1,
            "seed": asked["seeds"][session],
            "logprobs": True,
            "stop": stop or None,
            "include_stop_str_in_output": True,
            "detokenize": bool(stop),
            "skip_special_tokens": False,
            "stop_token_ids": list(self.ends),
            "ignore_eos": True,
            "repetition_penalty": 1.0,
        }

    def score(self, asked: Mapping[str, Any], ids: list[int], session: int) -> str:
        """Return the verdict on an answer as JSON: the reward's, and for evaluation a whole line of eval.jsonl."""
        evaluated = "row" in asked
        reward = self.main if evaluated else self.training
        given = asked["problem"]
        problem = Problem(**{**given, "alternatives": tuple(given["alternatives"])})
        response = self._response(asked, ids, session)
        (score,) = reward.score([problem], [response])
        told: dict[str, Any] = {
            "problem": problem.id,
            "value": score.value,
            "status": score.status,
            "parts": list(score.parts),
            "second": score.second,
        }
        if evaluated:
            told["row"] = {"place": asked["place"], **self._row(asked["row"], response, score)}
        return json.dumps(told)

    def _response(self, asked: Mapping[str, Any], ids: list[int], session: int) -> Response:
        text, before = response_texts([ids, ids[:-1]], self.tokenizer, self.ends)
        # the last token may go on behind the text that stopped vLLM, which does not say why an answer ended
        stopped = any(stop in text and stop not in before for stop in self.config.rollout.stop)
        return Response(
            text=text,
            tokens=len(ids),
            limit=asked["max_tokens"],
            truncated=len(ids) == asked["max_tokens"] and ids[-1] not in self.ends and not stopped,
            twice=asked["twice"][session],
        )

    def _row(self, constant: Mapping[str, Any], response: Response, score: Score) -> dict[str, Any]:
        row = {**constant, "value": score.value, "status": score.status, "tokens": response.tokens}
        if score.second is not None:
            row["second"] = score.second
        if self.config.evaluation.texts:
            row |= {"answer": self.main.answers([response])[0], "response": response.text}
        return row


@functools.cache
def scorer_of(job: str) -> Scorer:
    """Return the scorer of a job, by the path of its job.json."""
    return Scorer(trial_options(Path(job), final=False).config)


@register(NAME)
class SSPOAgentLoop(AgentLoopBase):
    """Samples and scores one answer."""

    def __init__(self, trainer_config: Any, server_manager: Any, **_: Any):
        """Take verl's arguments. The base class would prepare chats, which not every tokenizer can write."""
        self.config = trainer_config.config
        self.server_manager = server_manager

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        """Return the answer to a row of the data. verl's sampling options are not used: each row has its own."""
        job = Path(self.config.trainer.v1[NAME].job)
        try:
            return await self._answer(scorer_of(str(job)), kwargs)
        except Exception as error:
            # verl goes on without the row, and fails later without a word of the reason
            (job.parent / FAILED_ANSWER).write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
            raise

    async def _answer(self, scorer: Scorer, kwargs: Mapping[str, Any]) -> AgentLoopOutput:
        asked, session = (
            {**json.loads(kwargs[NAME]), "place": int(kwargs["index"])},
            int(kwargs["session_id"]),
        )
        output = await self.server_manager.generate(
            request_id=uuid.uuid4().hex,
            prompt_ids=asked["ids"],
            sampling_params=scorer.sampling(asked, session),
        )
        ids = list(output.token_ids)
        verdict = await asyncio.get_running_loop().run_in_executor(
            scorer.one_at_a_time, scorer.score, asked, ids, session
        )
        value = float(json.loads(verdict)["value"])
        return AgentLoopOutput(
            prompt_ids=asked["ids"],
            response_ids=ids,
            response_mask=[1] * len(ids),
            response_logprobs=output.log_probs,
            reward_score=value,
            num_turns=2,
            metrics=AgentLoopMetrics(),
            extra_fields={
                **output.extra_fields,
                "reward_extra_info": {NAME: verdict, "acc": value},
                "turn_scores": [],
                "tool_rewards": [],
            },
        )
