"""The only file that knows the order: rollout -> reward -> advantage -> segmentation -> old log-probs and entropy ->
clipped updates -> evaluation -> checkpoint. No mathematics lives here."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from sspo.clock import Clock
from sspo.config import TrainConfig
from sspo.device import resolve_device
from sspo.environment import describe_environment
from sspo.errors import UserError
from sspo.metrics import Metric, merge_all, observe
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.bounds import entropy_stats
from sspo.objective.loss import policy_loss
from sspo.policy import load_policy
from sspo.progress import Progress
from sspo.randomness import derive, torch_stream
from sspo.rewards import REWARDS
from sspo.rollout.transformers import TransformersSampler
from sspo.runlog import CHECKPOINTS, RunLog
from sspo.segmentation import segment
from sspo.tasks import TASKS
from sspo.tracking import Tracker
from sspo.trainer import checkpoint
from sspo.trainer.checkpoint import RunState
from sspo.trainer.evaluation import Evaluator
from sspo.trainer.forward import micro_batches, token_logp, token_logp_entropy
from sspo.trainer.optim import Diverged, apply_gradients, build_optimizer, check_finite, learning_rate
from sspo.trainer.samples import sample_rows
from sspo.trainer.scoring import score_rollout
from sspo.trainer.summary import summarise
from sspo.types import Batch, EntropyStats, LossContext, LossOut, Rollout

Metrics = dict[str, Metric]


class Trainer:
    """One run, from its last checkpoint or the base model to its fixed last step."""

    def __init__(self, config: TrainConfig, folder: Path, progress: Progress):
        torch.set_num_threads(config.run.threads)
        self.config = config
        self.progress = progress
        self.device = resolve_device(config.run.device)
        self.log = RunLog(folder)
        self.policy = load_policy(config.model.path, self.device)
        self.model = self.policy.model
        self.optimizer = build_optimizer(self.model, config.trainer)
        self.sampler = TransformersSampler(self.model, pad_id=self.policy.pad_id, eos_id=self.policy.eos_id)
        self.task = TASKS[config.task.name]
        self.reward = REWARDS[config.reward.name]
        self.evaluator = Evaluator(self.task, self.reward, self.policy, self.sampler, config.evaluation)
        self._check_positions()
        self.checkpoints = folder / CHECKPOINTS
        self.state = self._resume()
        environment = describe_environment(config, self.device)
        self.log.describe(asdict(config), environment, resumed=self.state.rollouts > 0)
        self.started = time.monotonic() - self.state.seconds

    def run(self, tracker: Tracker) -> dict[str, Any]:
        """Train to the last rollout and score it; returns what DONE.json holds.

        Raises Diverged after scoring the last finite checkpoint, so that the run stays in the table.
        """
        rollouts = self.config.trainer.rollouts
        self.progress.begin(self.state.rollouts, rollouts)
        if rollouts == 0:
            self._evaluate(final=True)
        elif self.state.rollouts == 0 and self.config.evaluation.every:
            self._evaluate(final=False)
        try:
            while self.state.rollouts < rollouts:
                self._one_rollout(tracker)
        except Diverged:
            self._return_to_last_checkpoint()
            self._evaluate(final=True)
            raise
        return asdict(replace(self.state, seconds=self._seconds()))

    def _one_rollout(self, tracker: Tracker) -> None:
        number = self.state.rollouts
        clock = Clock()
        batch, summary = self._collect(number, clock)
        stats = entropy_stats(
            batch.entropy_BT, batch.segment_id_BT, batch.mask_BT, self.config.objective.bounds
        )
        with clock.time("update"):
            parts = self._minibatches(number)
            for update, index_b in enumerate(parts):
                metrics = self._update(batch, index_b, stats)
                metrics |= summary if update + 1 == len(parts) else {}
                self.log.step(self.state.steps, number, update, metrics)
                tracker.log(self.state.steps, metrics)
        check_finite(self.model, self.state.steps)
        self._log_samples(number, batch, stats)
        self.state = replace(self.state, rollouts=number + 1)
        with clock.time("evaluation"):
            self._evaluate_if_due()
        with clock.time("checkpoint"):
            self._checkpoint_if_due()
        tokens = int(batch.mask_BT.sum())
        self.log.timing(number, clock.report(tokens, tokens * self.config.trainer.epochs))
        self.progress.advance(number + 1, summary)

    def _collect(self, number: int, clock: Clock) -> tuple[Batch, Metrics]:
        """Sample, score, weigh, cut, and look once at the policy that sampled."""
        config, seed = self.config, self.config.seed
        problems = self.task.train_problems(seed, number, config.rollout.prompts)
        with clock.time("rollout"):
            rollout = self.sampler.sample(
                [self.policy.encode(problem.prompt) for problem in problems],
                config.rollout.responses,
                max_tokens=config.rollout.max_tokens,
                temperature=config.rollout.temperature,
                generator=torch_stream(seed, "rollout", number),
            )
        if number == 0:
            self.state = replace(self.state, rollout0_sha256=token_hash(rollout))
        with clock.time("reward"):
            scores = score_rollout(problems, rollout, self.policy, self.reward)
            reward_PG = torch.tensor([score.value for score in scores]).view(len(problems), -1)
            advantage_B = ADVANTAGES[config.objective.advantage](reward_PG).flatten().to(self.device)
        with clock.time("old_logp"):
            segment_id_BT = segment(
                rollout.response_BT,
                rollout.mask_BT,
                config.segmentation,
                self.policy.tokenizer,
                seed=derive(seed, "segmentation", number),
            )
            batch = self._with_old_policy(rollout, advantage_B, segment_id_BT)
        return batch, summarise(scores, reward_PG, batch)

    @torch.no_grad()
    def _with_old_policy(
        self, rollout: Rollout, advantage_B: torch.Tensor, segment_id_BT: torch.Tensor
    ) -> Batch:
        """Old log-probabilities and entropies of the whole rollout in one pass."""
        nothing_BT = torch.zeros(rollout.mask_BT.shape, device=self.device)
        batch = Batch(
            prompt_BL=rollout.prompt_BL,
            prompt_mask_BL=rollout.prompt_mask_BL,
            response_BT=rollout.response_BT,
            mask_BT=rollout.mask_BT,
            advantage_BT=advantage_B[:, None] * rollout.mask_BT,
            segment_id_BT=segment_id_BT,
            old_logp_BT=nothing_BT,
            entropy_BT=nothing_BT,
        )
        old_logp_BT, entropy_BT = nothing_BT.clone(), nothing_BT.clone()
        everything_b = torch.arange(len(nothing_BT), device=self.device)
        for index_b, part in micro_batches(batch, everything_b, self.config.trainer.micro_batch_tokens):
            logp_bt, entropy_bt = token_logp_entropy(self.model, part, self.config.rollout.temperature)
            width = logp_bt.shape[1]
            old_logp_BT[index_b, :width] = logp_bt
            entropy_BT[index_b, :width] = entropy_bt
        return replace(batch, old_logp_BT=old_logp_BT, entropy_BT=entropy_BT)

    def _update(self, batch: Batch, index_b: torch.Tensor, stats: EntropyStats | None) -> Metrics:
        """One optimiser step on the given rows."""
        context = LossContext(
            tokens=int(batch.mask_BT[index_b].sum()),
            responses=len(index_b),
            max_response_tokens=self.config.rollout.max_tokens,
            entropy=stats,
        )
        parts: list[Metrics] = []
        for _, part in micro_batches(batch, index_b, self.config.trainer.micro_batch_tokens):
            logp_bt = token_logp(self.model, part, self.config.rollout.temperature)
            out = self._loss(logp_bt, part, context)
            out.loss.backward()
            parts.append(out.metrics)
        metrics = merge_all(parts)
        step = self.state.steps + 1
        norm = apply_gradients(self.model, self.optimizer, self.config.trainer, step)
        metrics["optim/grad_norm"] = observe("optim/grad_norm", norm)
        metrics["optim/lr"] = observe("optim/lr", learning_rate(self.config.trainer, step))
        self.state = replace(self.state, steps=step)
        return metrics

    def _loss(self, logp_bt: torch.Tensor, part: Batch, context: LossContext) -> LossOut:
        return policy_loss(
            logp_bt,
            part.old_logp_BT,
            part.advantage_BT,
            part.mask_BT,
            part.segment_id_BT,
            part.entropy_BT,
            self.config.objective,
            context=context,
        )

    def _check_positions(self) -> None:
        """A model must have a position for every token that the limits allow a response alone."""
        limit = getattr(self.model.config, "max_position_embeddings", None)
        longest = max(self.config.rollout.max_tokens, self.config.evaluation.max_tokens)
        if limit is not None and longest >= limit:
            raise UserError(
                f"rollout.max_tokens and evaluation.max_tokens must leave room for a prompt in the model's {limit} positions, got {longest}"
            )

    def _minibatches(self, number: int) -> list[torch.Tensor]:
        """Row indices of each optimiser step of a rollout: a seeded permutation an epoch."""
        rows = self.config.rollout.prompts * self.config.rollout.responses
        generator = torch_stream(self.config.seed, "minibatches", number)
        return [
            index_b.to(self.device)
            for _ in range(self.config.trainer.epochs)
            for index_b in torch.randperm(rows, generator=generator).split(self.config.trainer.minibatch)
        ]

    def _evaluate_if_due(self) -> None:
        every = self.config.evaluation.every
        if every and self.state.rollouts % every == 0:
            self._evaluate(final=False)
        if self.state.rollouts == self.config.trainer.rollouts:
            self._evaluate(final=True)

    def _evaluate(self, *, final: bool) -> None:
        last_rollout = self.state.rollouts - 1
        self.log.evaluation(
            self.evaluator.final(last_rollout) if final else self.evaluator.curve(last_rollout)
        )

    def _checkpoint_if_due(self) -> None:
        every = self.config.trainer.checkpoint_every
        if self.state.rollouts == self.config.trainer.rollouts or (
            every and self.state.rollouts % every == 0
        ):
            self.state = replace(self.state, seconds=self._seconds())
            checkpoint.save(self.checkpoints, self.model, self.optimizer, self.state)

    def _seconds(self) -> float:
        """Wall time of the run over all its processes, as far as checkpoints carried it."""
        return round(time.monotonic() - self.started, 3)

    def _log_samples(self, number: int, batch: Batch, stats: EntropyStats | None) -> None:
        every = self.config.trainer.samples_every
        if every and number % every == 0:
            self.log.samples(sample_rows(self.config, self.policy, batch, stats, number))

    def _resume(self) -> RunState:
        """The last checkpoint's state; the logs are cut back to what it covers."""
        found = checkpoint.latest(self.checkpoints)
        state = RunState() if found is None else checkpoint.restore(found, self.model, self.optimizer)
        self.log.rewind(state.rollouts, finished=state.rollouts == self.config.trainer.rollouts)
        return state

    def _return_to_last_checkpoint(self) -> None:
        found = checkpoint.latest(self.checkpoints)
        if found is None:
            base = load_policy(self.config.model.path, self.device).model
            self.model.load_state_dict(base.state_dict())
            self.state = RunState(rollout0_sha256=self.state.rollout0_sha256)
        else:
            self.state = checkpoint.restore(found, self.model, self.optimizer)


def token_hash(rollout: Rollout) -> str:
    """A hash of the sampled tokens: equal across the arms of one seed at rollout 0."""
    ids_BT = rollout.response_BT.where(rollout.mask_BT, -1)
    return hashlib.sha256(ids_BT.cpu().numpy().tobytes()).hexdigest()
