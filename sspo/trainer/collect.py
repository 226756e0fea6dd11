"""One rollout made ready for the loss: sample, score, weigh, cut, and look once at the policy that sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from sspo.clock import Clock
from sspo.config import TrainConfig
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.prepare import prepared
from sspo.policy import Policy
from sspo.randomness import torch_stream
from sspo.rewards import Reward
from sspo.rollout.transformers import TransformersSampler
from sspo.segmentation import segment, segmentation_seed
from sspo.tasks import Task
from sspo.trainer.forward import micro_batches, token_logp_entropy
from sspo.trainer.scoring import score_rollout
from sspo.types import Batch, Problem, Rollout, Score


@dataclass(frozen=True, kw_only=True)
class Collected:
    """A scored rollout and the batch that the loss takes. Row i answers problem i // G."""

    problems: Sequence[Problem]
    rollout: Rollout
    scores: Sequence[Score]
    reward_PG: torch.Tensor
    batch: Batch


class Collector:
    """Makes the rollouts of one run; every draw derives from the run's seed and the rollout's number."""

    def __init__(
        self, config: TrainConfig, task: Task, reward: Reward, policy: Policy, sampler: TransformersSampler
    ):
        self.config = config
        self.task = task
        self.reward = reward
        self.policy = policy
        self.sampler = sampler

    def collect(self, number: int, clock: Clock) -> Collected:
        """Rollout `number`, counted from 0."""
        config = self.config
        problems = self.task.train_problems(config.seed, number, config.rollout.prompts)
        with clock.time("rollout"):
            rollout = self._sample(problems, number)
        with clock.time("reward"):
            scores = score_rollout(problems, rollout, self.policy, self.reward)
            reward_PG = torch.tensor([score.value for score in scores]).view(len(problems), -1)
            tokens_PG = rollout.mask_BT.sum(1).cpu().view(reward_PG.shape)
            advantage_B = ADVANTAGES[config.objective.advantage](reward_PG, tokens_PG).flatten()
        with clock.time("old_logp"):
            seen = self._with_old_policy(rollout, advantage_B)
            segment_id_BT = segment(
                rollout.response_BT,
                rollout.mask_BT,
                config.segmentation,
                self.policy.tokenizer,
                entropy_BT=seen.entropy_BT,
                seed=segmentation_seed(config.seed, number),
            )
            batch = prepared(
                replace(seen, segment_id_BT=segment_id_BT),
                config.objective,
                config.rollout.responses,
                config.seed,
                number,
            )
        return Collected(problems=problems, rollout=rollout, scores=scores, reward_PG=reward_PG, batch=batch)

    def _sample(self, problems: Sequence[Problem], number: int) -> Rollout:
        return self.sampler.sample(
            [self.policy.encode(problem.prompt) for problem in problems],
            self.config.rollout.responses,
            max_tokens=self.config.rollout.max_tokens,
            temperature=self.config.rollout.temperature,
            generator=torch_stream(self.config.seed, "rollout", number),
        )

    @torch.no_grad()
    def _with_old_policy(self, rollout: Rollout, advantage_B: torch.Tensor) -> Batch:
        """Old log-probabilities and entropies of the whole rollout in one pass; it is cut once they are known."""
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
        old_logp_BT, entropy_BT = nothing_BT.clone(), nothing_BT.clone()
        everything_b = torch.arange(len(nothing_BT), device=device)
        for index_b, part in micro_batches(batch, everything_b, self.config.trainer.micro_batch_tokens):
            logp_bt, entropy_bt = token_logp_entropy(self.policy.model, part, self.config.rollout.temperature)
            width = logp_bt.shape[1]
            old_logp_BT[index_b, :width] = logp_bt
            entropy_BT[index_b, :width] = entropy_bt
        return replace(batch, old_logp_BT=old_logp_BT, entropy_BT=entropy_BT)
