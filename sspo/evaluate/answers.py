"""The steps of an evaluation from the model to the last row: check, sample, grade and write, in that order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch

from sspo.console.progress import Counter
from sspo.errors import UserError
from sspo.evaluate.asked import questions_of
from sspo.evaluate.folder import ASKED, Folder
from sspo.evaluate.request import Request
from sspo.evaluation.evaluator import Evaluator
from sspo.evaluation.fits import check_room, held_out
from sspo.models.device import resolve_device
from sspo.models.memory.engine import longest_if_foreign
from sspo.models.policy import Policy, load_policy
from sspo.rewards import open_reward
from sspo.rollout import open_sampler
from sspo.tasks import Task, first_question, task_of
from sspo.trainer.environment import describe_environment
from sspo.trainer.probe import check_sampling
from sspo.trainer.saved_model import load_weights

UNTRAINED = -1
"""Rollout number in rows of a base model: the one before the first."""
Say = Callable[[str | None], None]


def answer_all(request: Request, options: Mapping[str, Any], folder: Folder, say: Say) -> None:
    """Sample all answers that the folder lacks, up to its DONE.json. `options`: see asked.py; `say` prints warnings.

    Raises UserError for an evaluation that cannot run, before the first question.
    """
    config, begun = request.config, time.monotonic()
    torch.set_num_threads(config.run.threads)
    task, reward = task_of(config), open_reward(config.reward)
    reward.check(held_out(task, config.evaluation.questions))
    policy = _policy(request, task, say)
    sampler = open_sampler(policy, config)
    for remark in sampler.remarks:
        say(remark)
    evaluator = Evaluator(task, reward, policy, sampler, config.evaluation, config.reward.second)
    environment = describe_environment(config, policy) | {
        "paths": dict(sampler.paths),
        "prompt": policy.encoder.shown(first_question(task, config)),
        ASKED: options,
        "pass_at": list(request.pass_at),
        "questions": questions_of(options),
        "weights": None if request.trained is None else str(request.trained.checkpoint),
        "trained": _trained(request),
    }
    done = _begin(request, folder, environment, evaluator)
    size, rollout = evaluator.size(final=True), _rollout(request)
    at_once = f"{size} answer{'s' if size > 1 else ''}, {config.evaluation.batch} at once"
    say(f"continuing after {done} of {at_once}" if done else at_once)
    with Counter("evaluation", size, done=done, pieces="answers") as count:
        for rows in evaluator.batches(rollout, done):
            folder.append(rows)
            count(len(rows))
    folder.finish({"answers": size, "seconds": round(time.monotonic() - begun, 3)})


def _trained(request: Request) -> dict[str, Any] | None:
    """Return how far the run behind the weights had come, or None for a base model."""
    trained = request.trained
    return (
        None if trained is None else {"rollouts": trained.rollouts, "of": trained.of, "state": trained.state}
    )


def _rollout(request: Request) -> int:
    return UNTRAINED if request.trained is None else request.trained.rollouts - 1


def _policy(request: Request, task: Task, say: Say) -> Policy:
    config = request.config
    policy = load_policy(config.model, resolve_device(config.run.device), config.prompt)
    if request.trained is not None:
        load_weights(request.trained.checkpoint, policy.model)
        say(request.trained.remark())
    for remark in policy.remarks:
        say(remark)
    limit = config.evaluation.max_tokens
    row = longest_if_foreign(config, policy.positions.limit)
    say(check_room(policy, held_out(task, config.evaluation.questions), "max_tokens", limit, row))
    check_sampling(policy)
    return policy


def _begin(request: Request, folder: Folder, environment: Mapping[str, Any], evaluator: Evaluator) -> int:
    """Return how many answers are kept; the folder is described and its log cut after them."""
    keys = (key for one in evaluator.last_step for key in one.answers())
    done = evaluator.kept(folder.answered(keys, _rollout(request)))
    try:
        folder.describe(asdict(request.config), environment)
        folder.keep(done)
    except OSError as error:
        raise UserError(f"cannot write {folder.path}: {error.strerror or error}") from error
    return done
