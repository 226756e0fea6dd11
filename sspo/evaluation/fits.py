"""Checks, before any work, that a model can read the prompts and a reward the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sspo.config import EvaluationConfig
from sspo.errors import UserError
from sspo.models.policy import Policy
from sspo.tasks import Task
from sspo.types import Problem


def held_out(task: Task, count: int) -> Iterator[Problem]:
    """Yield the first `count` questions of every held-out set."""
    return (problem for name in task.eval_sets for problem in task.eval_problems(name, count))


def most_asked(config: EvaluationConfig) -> int:
    """Return the maximum number of questions of a set that a run uses."""
    return max(config.questions, config.curve_questions if config.every else 0)


def check_room(
    policy: Policy, prompts: Iterable[Problem], key: str, response: int, started_for: int | None = None
) -> str | None:
    """Return a warning if a prompt and `response` tokens, the value of option `key`, exceed a model's trained
    positions, or None.

    Raises UserError for a prompt that the model cannot read, and if it has no such positions; also if an engine that is
    started for rows of `started_for` tokens cannot accept them.
    """
    longest = max((len(policy.encode(problem.prompt)) for problem in prompts), default=0)
    if started_for is not None and longest + response > started_for:
        raise UserError(
            f"a prompt of {longest} tokens and {key}={response} need {longest + response}, and the engine of the rollout is started for "
            f"{started_for}: raise run.prompt_tokens to {longest}, or lower {key} if the model has no more positions"
        )
    limit, lack = policy.positions.limit, policy.positions.lack(longest, response)
    if lack is None or limit is None:
        return None
    if policy.positions.hard:
        raise UserError(
            f"model.path={policy.path}: {lack}; set {key} to at most {limit - longest}"
            if longest < limit
            else f"model.path={policy.path}: {lack}"
        )
    return f"warning: model.path={policy.path}: {lack} with {key}={response}; it was not trained beyond them"
