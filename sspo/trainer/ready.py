"""The policy of a run, checked before any log is written: a model that cannot be trained is refused in one sentence."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import torch

from sspo.config import EMBEDDED_BASES
from sspo.evaluation.fits import check_room, held_out, most_asked
from sspo.models.memory.engine import longest_if_foreign
from sspo.models.policy import Policy, load_policy
from sspo.trainer.probe import check_sampling

if TYPE_CHECKING:
    from sspo.config import TrainConfig
    from sspo.rewards import Reward
    from sspo.tasks import Task
    from sspo.types import Problem

EMBEDDED_REWARD = "exact_answer"
LOOKED_AT = 1000
"""Number of training prompts that are checked beforehand; the others as they are drawn."""


def ready_policy(
    config: TrainConfig, task: Task, device: torch.device, say: Callable[[str | None], None]
) -> Policy:
    """Return the policy on its device. `say` prints warnings. Raises UserError for a model that cannot be trained."""
    policy = load_policy(config.model, device, config.prompt)
    check_questions(config, task, policy, say)
    check_sampling(policy)
    return policy


def check_questions(
    config: TrainConfig, task: Task, policy: Policy, say: Callable[[str | None], None]
) -> None:
    """Print warnings about the model and the coming questions, none of which reads a weight. Raises UserError for
    prompts that cannot run.
    """
    for remark in policy.remarks:
        say(remark)
    for warning in _check_prompts(config, task, policy):
        say(warning)
    say(trained_and_asked(_training(config, task), _held_out(config, task)))
    if config.reward.name == EMBEDDED_REWARD and config.model.path not in EMBEDDED_BASES:
        say(
            f"warning: reward.name={EMBEDDED_REWARD} reads only the format of the embedded models, `answer 4 .`; use reward=math_verify"
        )
    say(rounded_ratios(config, policy.precision))


def rounded_ratios(config: TrainConfig, precision: str) -> str | None:
    """Return the warning that rounding of ratios to the sampler's own log-probabilities is too large for tight clips,
    or None.
    """
    if config.trainer.old_logp != "sampler" or precision != "bfloat16":
        return None
    return (
        "warning: trainer.old_logp=sampler with forward passes in bfloat16: before any step, log-ratios of tokens differ from 0 by about "
        "0.004 (embedded model), on which tight clips act: use trainer.old_logp=trainer or model.precision=float32"
    )


def trained_and_asked(training: Iterable[Problem], held_out: Iterable[Problem]) -> str | None:
    """Return the warning that evaluation questions are also trained on, among those checked, or None."""
    trained, asked = {problem.prompt for problem in training}, {problem.prompt for problem in held_out}
    both = len(trained & asked)
    if not both:
        return None
    return (
        f"warning: {both} of {len(asked)} evaluation questions are also trained on, so their scores do not measure new "
        "questions: remove them from task.train"
    )


def check_answers(config: TrainConfig, task: Task, reward: Reward) -> None:
    """Raise UserError if the reward cannot read correct answers of the coming problems."""
    reward.check(itertools.chain(_held_out(config, task), _training(config, task)))


def _check_prompts(config: TrainConfig, task: Task, policy: Policy) -> Iterable[str | None]:
    """Encode the coming prompts, so that failures appear early. Return warnings; raise UserError for prompts that
    cannot run.
    """
    row, (rollout, evaluation) = (
        longest_if_foreign(config, policy.positions.limit),
        (config.rollout, config.evaluation),
    )
    yield check_room(policy, _training(config, task), "rollout.max_tokens", rollout.max_tokens, row)
    yield check_room(policy, _held_out(config, task), "evaluation.max_tokens", evaluation.max_tokens, row)


def _training(config: TrainConfig, task: Task) -> Iterable[Problem]:
    size = config.rollout.prompts
    rollouts = range(min(config.trainer.rollouts, max(1, LOOKED_AT // size)))
    drawn = (task.train_problems(config.seed, number, size) for number in rollouts)
    return itertools.chain.from_iterable(drawn)


def _held_out(config: TrainConfig, task: Task) -> Iterable[Problem]:
    return held_out(task, most_asked(config.evaluation))
