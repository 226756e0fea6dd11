"""One rollout prepared for the loss: sample, score, weigh, segment, and evaluate the sampling policy once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from sspo.config import TrainConfig
from sspo.evaluation.scoring import score_rollout
from sspo.metrics import Metric
from sspo.models.forward import Forward
from sspo.models.forward.micro_batches import micro_batches
from sspo.models.policy import Policy
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.context import prepared
from sspo.randomness import derive, torch_stream
from sspo.rewards import Reward
from sspo.rollout import Sampler
from sspo.segmentation import check_readable, segment, segmentation_seed
from sspo.tasks import Task
from sspo.trainer.clock import Clock
from sspo.trainer.dynamic_sampling import Draw, dynamic, penalized
from sspo.trainer.mismatch import check_parity, mismatch_metrics, parity_limit
from sspo.types import Batch, Problem, Rollout, Score, TokenExtras

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Look = Callable[[Batch, float], Sequence[torch.Tensor]]
"""(rows, temperature) -> values of their tokens."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """A scored rollout and the batch for the loss. Row i answers problem i // G."""

    problems: Sequence[Problem]
    first: Rollout
    """The samples before any prompt was replaced."""
    rollout: Rollout
    scores: Sequence[Score]
    reward_PG: torch.Tensor
    batch: Batch
    metrics: dict[str, Metric]
    """Metrics of the sampling and reward options, and of the difference between sampler and trainer."""


class Collector:
    """Makes the rollouts of one run; every draw derives from the run's seed and the rollout's number."""

    def __init__(
        self,
        config: TrainConfig,
        task: Task,
        reward: Reward,
        policy: Policy,
        sampler: Sampler,
        forward: Forward,
        reference: Forward | None = None,
    ):
        """Prepare the collector; `reference` is the base model of a KL penalty, None without one."""
        self.config = config
        self.task = task
        self.reward = reward
        self.policy = policy
        self.sampler = sampler
        self.forward = forward
        self.reference = reference
        self.by_sampler = config.trainer.old_logp == "sampler"
        self.with_logp = bool(config.objective.sampler_caps) or self.by_sampler or sampler.foreign
        check_readable(config.segmentation, policy.tokenizer)

    def collect(self, number: int, clock: Clock) -> Collected:
        """Return rollout `number`, counted from 0."""
        config = self.config
        first = self._draw(number, 0, clock)
        draw, metrics = dynamic(
            first,
            lambda attempt: self._draw(number, attempt, clock),
            config.rollout.prompts,
            config.rollout.resample,
            self.policy.pad_id,
        )
        problems, rollout = draw.problems, draw.rollout
        self.sampler.rest()
        with clock.time("reward"):
            scores, taken = penalized(draw.scores, rollout.mask_BT, config)
            reward_PG = torch.tensor([score.value for score in scores]).view(len(problems), -1)
            tokens_PG = rollout.mask_BT.sum(1).cpu().view(reward_PG.shape)
            advantage_B = ADVANTAGES[config.objective.advantage](reward_PG, tokens_PG).flatten()
        with clock.time("old_logp"):
            batch = self._with_old_policy(rollout, advantage_B)
            apart = self._mismatch(batch, number)
            batch = cut(batch, config, self.policy.tokenizer, number, config.rollout.responses)
        return Collected(
            problems=problems,
            first=first.rollout,
            rollout=rollout,
            scores=scores,
            reward_PG=reward_PG,
            batch=batch,
            metrics=metrics | taken | apart,
        )

    def _draw(self, number: int, attempt: int, clock: Clock) -> Draw:
        """Return one attempt at the rollout's prompts; every attempt has streams of its own."""
        config = self.config
        seed, purpose = config.seed, "rollout"
        if attempt:
            seed, purpose = derive(config.seed, f"attempt {attempt}", number), f"rollout, attempt {attempt}"
        problems = self.task.train_problems(seed, number, config.rollout.prompts)
        if attempt:
            problems = [replace(problem, id=f"{problem.id}/attempt{attempt}") for problem in problems]
        with clock.time("rollout"):
            rollout = self.sampler.sample(
                self.policy.prompts((problem.prompt for problem in problems), config.rollout.max_tokens),
                config.rollout.responses,
                max_tokens=config.rollout.max_tokens,
                temperature=config.rollout.temperature,
                draws=torch_stream(config.seed, purpose, number),
                with_logp=self.with_logp,
                with_entropy=self.by_sampler,
            )
        with clock.time("reward"):
            scores = score_rollout(problems, rollout, self.policy, self.reward, config.rollout.max_tokens)
        return Draw(problems=problems, rollout=rollout, scores=scores)

    def _mismatch(self, batch: Batch, number: int) -> dict[str, Metric]:
        """Return the difference between sampler and trainer, if both have log-probabilities; for an engine with weights
        of its own, check its limit.
        """
        sampler_logp_BT = batch.extras.sampler_logp_BT
        if sampler_logp_BT is None:
            return {}
        columns = sampler_logp_BT, batch.old_logp_BT, batch.mask_BT
        if self.sampler.foreign:
            limit = parity_limit(self.config.run.parity, self.policy.precision)
            check_parity(*columns, limit=limit, number=number)
        return mismatch_metrics(*columns)

    @torch.no_grad()
    def _with_old_policy(self, rollout: Rollout, advantage_B: torch.Tensor) -> Batch:
        """Return the rollout with old log-probabilities and entropies, in one pass or from the sampler; it is segmented
        afterwards.
        """
        device = rollout.mask_BT.device
        nothing_BT = torch.zeros(rollout.mask_BT.shape, device=device)
        batch = Batch(
            prompt_BL=rollout.prompt_BL,
            prompt_mask_BL=rollout.prompt_mask_BL,
            response_BT=rollout.response_BT,
            mask_BT=rollout.mask_BT,
            advantage_BT=advantage_B.to(device)[:, None] * rollout.mask_BT,
            segment_id_BT=rollout.mask_BT.long() - 1,
            old_logp_BT=nothing_BT,
            entropy_BT=nothing_BT,
        )
        reference_logp_BT = None
        if self.reference is not None:
            reference = self.reference
            (reference_logp_BT,) = self._seen(batch, lambda part, t: (reference.token_logp(part, t),))
        if self.by_sampler:
            assert rollout.logp_BT is not None
            assert rollout.entropy_BT is not None
            old_logp_BT, entropy_BT, sampler_logp_BT = rollout.logp_BT, rollout.entropy_BT, None
        else:
            old_logp_BT, entropy_BT = self._seen(batch, self.forward.token_logp_entropy)
            sampler_logp_BT = rollout.logp_BT
        extras = TokenExtras(reference_logp_BT=reference_logp_BT, sampler_logp_BT=sampler_logp_BT)
        return replace(batch, old_logp_BT=old_logp_BT, entropy_BT=entropy_BT, extras=extras)

    def _seen(self, batch: Batch, look: Look) -> list[torch.Tensor]:
        """Return the values that `look` computes for every row, one tensor per column, in micro-batches."""
        columns: list[torch.Tensor] = []
        every_b = torch.arange(len(batch.mask_BT), device=batch.mask_BT.device)
        for index_b, part in micro_batches(batch, every_b, self.config.trainer.micro_batch_tokens):
            found = look(part, self.config.rollout.temperature)
            columns = columns or [torch.zeros_like(batch.old_logp_BT) for _ in found]
            for column_BT, value_bt in zip(columns, found, strict=True):
                column_BT[index_b, : value_bt.shape[1]] = value_bt
        return columns


def cut(
    batch: Batch, config: TrainConfig, tokenizer: PreTrainedTokenizerFast, number: int, group: int
) -> Batch:
    """Return the batch of rollout `number` with its segments and the columns that the objective requires. Row i answers prompt
    i // group.
    """
    segment_id_BT = segment(
        batch.response_BT,
        batch.mask_BT,
        config.segmentation,
        tokenizer,
        entropy_BT=batch.entropy_BT,
        seed=segmentation_seed(config.seed, number),
    )
    batch = replace(batch, segment_id_BT=segment_id_BT)
    return prepared(batch, config.objective, group, config.seed, number, vocabulary=len(tokenizer))
