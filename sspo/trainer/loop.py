"""The only module that defines the order: rollout -> reward -> advantage -> segmentation -> old log-probs and entropy
-> clipped updates, and after each rollout (trainer/course.py) evaluation -> checkpoint. It contains no mathematics.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from sspo.config import ObjectiveConfig, TrainConfig
from sspo.console.progress import Progress
from sspo.metrics import merge_all, observe
from sspo.models.forward.micro_batches import micro_batches
from sspo.models.reference import open_reference
from sspo.objective.clip_controller import scaled
from sspo.objective.micro_batch import part_loss, step_context
from sspo.randomness import torch_stream
from sspo.recording.recorded import RecordedRollout, join_visits
from sspo.runs.tracking import Tracker
from sspo.trainer.clock import Clock
from sspo.trainer.collect import Collected, Collector
from sspo.trainer.course import Course, Metrics, token_hash
from sspo.trainer.optim import apply_gradients, check_finite, learning_rate
from sspo.trainer.rollout_metrics import clipping_of_rollout, summarize
from sspo.types import Batch


class Trainer(Course):
    """One run by this project's own trainer."""

    def __init__(self, config: TrainConfig, folder: Path, progress: Progress):
        super().__init__(config, folder, progress)
        reference = open_reference(self.policy, config) if config.objective.kl.coef > 0 else None
        self.collector = Collector(
            config, self.task, self.reward, self.policy, self.sampler, self.forward, reference
        )
        self._resume()

    def _train(self, tracker: Tracker) -> None:
        while self.state.rollouts < self.config.trainer.rollouts:
            self._one_rollout(tracker)

    def _one_rollout(self, tracker: Tracker) -> None:
        number = self.state.rollouts
        collected = self.collector.collect(number, self.clock)
        if number == 0:
            first = collected.first
            self.state = replace(self.state, rollout0_sha256=token_hash(first.response_BT, first.mask_BT))
            self._warn_of_first_rollout(collected.scores, collected.reward_PG, collected.batch)
        recorded, steps = self._updates(number, collected, self.clock, tracker)
        self._close(recorded, steps)

    def _updates(
        self, number: int, collected: Collected, clock: Clock, tracker: Tracker
    ) -> tuple[RecordedRollout, list[Metrics]]:
        """Run all optimizer steps of a rollout; return the recorded tensors and the metrics of each step."""
        batch, objective = collected.batch, scaled(self.config.objective, self.state.control.scale)
        first_step, visits, steps = self.state.steps + 1, [], []
        with clock.time("update"):
            parts = self._minibatches(number)
            for update, row_b in enumerate(parts):
                metrics, logp_bT = self._update(batch, row_b, objective)
                visits.append((row_b, logp_bT))
                steps.append(metrics)
                if update + 1 == len(parts):
                    metrics |= self._of_rollout(collected)
                    metrics |= clipping_of_rollout(steps, self.state.control.scale)
                tracker.log(self.log.step(self.state.steps, number, update, metrics))
        check_finite(self.model, self.state.steps)
        self.sampler.sync(self.model)
        recorded = RecordedRollout(
            number=number,
            first_step=first_step,
            clip_scale=self.state.control.scale,
            problem_ids=tuple(problem.id for problem in collected.problems),
            scores=tuple(collected.scores),
            batch=batch,
            visits=join_visits(visits),
        )
        self._log_samples(recorded, objective)
        return recorded, steps

    def _of_rollout(self, collected: Collected) -> Metrics:
        statuses = self.collector.reward.statuses
        found = summarize(collected.scores, collected.reward_PG, collected.batch, statuses)
        return found | collected.metrics

    def _update(
        self, batch: Batch, row_b: torch.Tensor, objective: ObjectiveConfig
    ) -> tuple[Metrics, torch.Tensor]:
        """Run one optimizer step on the given rows; return its metrics and the logp_bT of its forward pass."""
        context = step_context(batch, row_b, self.config.rollout.max_tokens)
        logp_BT = torch.zeros_like(batch.old_logp_BT)
        parts: list[Metrics] = []
        for index_b, part in micro_batches(batch, row_b, self.config.trainer.micro_batch_tokens):
            logp_bt = self.forward.token_logp(part, self.config.rollout.temperature)
            out = part_loss(logp_bt, part, objective, context)
            out.loss.backward()
            parts.append(out.metrics)
            logp_BT[index_b, : logp_bt.shape[1]] = logp_bt.detach()
        metrics = merge_all(parts)
        step = self.state.steps + 1
        norm = apply_gradients(self.model, self.optimizer, self.config.trainer, step)
        metrics["optim/grad_norm"] = observe("optim/grad_norm", norm)
        metrics["optim/lr"] = observe("optim/lr", learning_rate(self.config.trainer, step))
        self.state = replace(self.state, steps=step)
        return metrics, logp_BT[row_b]

    def _minibatches(self, number: int) -> list[torch.Tensor]:
        """Return the row indices of each optimizer step of a rollout: one seeded permutation per epoch."""
        rows = self.config.rollout.prompts * self.config.rollout.responses
        generator = torch_stream(self.config.seed, "minibatches", number)
        return [
            index_b.to(self.device)
            for _ in range(self.config.trainer.epochs)
            for index_b in torch.randperm(rows, generator=generator).split(self.config.trainer.minibatch)
        ]
