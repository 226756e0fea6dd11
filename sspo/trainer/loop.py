"""The only module that defines the order: rollout -> reward -> advantage -> segmentation -> old log-probs and entropy
-> clipped updates -> evaluation -> checkpoint. It contains no mathematics.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from sspo.config import ObjectiveConfig, TrainConfig
from sspo.console.progress import Progress
from sspo.evaluation.evaluator import Evaluator
from sspo.metrics import Metric, merge_all, observe
from sspo.models.device import resolve_device
from sspo.models.forward import open_forward
from sspo.models.forward.micro_batches import micro_batches
from sspo.models.policy import load_policy
from sspo.models.reference import open_reference
from sspo.objective.clip_controller import ClipControl, scaled, steer
from sspo.objective.micro_batch import part_loss, step_context
from sspo.randomness import torch_stream
from sspo.recording.ratios import critical_of_matched, visit_ratios
from sspo.recording.recorded import RecordedRollout, join_visits
from sspo.rewards import open_reward, with_others
from sspo.rollout import open_sampler
from sspo.runs.runlog import CHECKPOINTS, RunLog
from sspo.runs.tracking import Tracker
from sspo.tasks import first_question, task_of
from sspo.trainer.checkpoint import Checkpoints, RunState
from sspo.trainer.clip_watch import ClipWatch
from sspo.trainer.clock import Clock
from sspo.trainer.collect import Collected, Collector
from sspo.trainer.cut_watch import empty_cuts, other_groups
from sspo.trainer.environment import describe_environment
from sspo.trainer.learn_watch import nothing_learned
from sspo.trainer.optim import (
    Diverged,
    apply_gradients,
    build_optimizer,
    check_finite,
    check_optimizer,
    learning_rate,
)
from sspo.trainer.ready import check_answers, ready_policy
from sspo.trainer.rollout_metrics import clipping_of_rollout, summarize
from sspo.trainer.sample_log import sample_rows
from sspo.types import Batch, Rollout

Metrics = dict[str, Metric]


class Trainer:
    """One run, from its last checkpoint or the base model to its fixed last step."""

    def __init__(self, config: TrainConfig, folder: Path, progress: Progress):
        torch.set_num_threads(config.run.threads)
        self.config = config
        self.progress = progress
        self.device = resolve_device(config.run.device)
        check_optimizer(config.trainer)
        task, reward = task_of(config), open_reward(config.reward)
        summed = with_others(reward, config.reward)
        check_answers(config, task, summed)
        self.policy = ready_policy(config, task, self.device, progress.warn)
        self.log = RunLog(folder)
        self.model = self.policy.model
        self.forward = open_forward(self.policy, config.trainer)
        self.optimizer = build_optimizer(self.model, config.trainer)
        self.sampler = open_sampler(self.policy, config)
        for remark in (*self.forward.remarks, *self.sampler.remarks):
            progress.warn(remark)
        reference = open_reference(self.policy, config) if config.objective.kl.coef > 0 else None
        self.collector = Collector(config, task, summed, self.policy, self.sampler, self.forward, reference)
        self.evaluator = Evaluator(
            task, reward, self.policy, self.sampler, config.evaluation, config.reward.second
        )
        self.checkpoints = Checkpoints(
            folder / CHECKPOINTS, self.policy, self.optimizer, config.run.checkpoints_kept, progress.warn
        )
        self.state = self.checkpoints.resume(self.log)
        self.sampler.sync(self.model)
        environment = describe_environment(config, self.policy)
        environment["paths"] = {**self.forward.paths, **self.sampler.paths}
        environment["prompt"] = self.policy.encoder.shown(first_question(task, config))
        self.log.describe(asdict(config), environment, resumed=self.state.rollouts > 0)
        self.watch = ClipWatch(config, self.state.rollouts)
        self.clock = Clock()
        self.started = time.monotonic() - self.state.seconds

    def run(self, tracker: Tracker) -> dict[str, Any]:
        """Train to the last rollout and score it; return the content of DONE.json.

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
        except Diverged as error:
            self._return_to_last_checkpoint()
            self._evaluate(final=True)
            error.logs = self.log.ended()
            raise
        return asdict(replace(self.state, seconds=self._seconds()))

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Mark the run finished with the result of `run`; only the last of its checkpoints is kept."""
        self.checkpoints.keep_last(1)
        self.log.done(outcome)

    def _one_rollout(self, tracker: Tracker) -> None:
        number = self.state.rollouts
        clock = self.clock
        collected = self.collector.collect(number, clock)
        if number == 0:
            self.state = replace(self.state, rollout0_sha256=token_hash(collected.first))
            self._warn_of_first_rollout(collected)
        recorded, steps = self._updates(number, collected, clock, tracker)
        self._keep(recorded)
        self.state = replace(self.state, rollouts=number + 1, control=self._steered(recorded))
        self.progress.advance(number + 1, steps[-1])
        with clock.time("evaluation"):
            self._evaluate_if_due()
        tokens = int(collected.batch.mask_BT.sum())
        self.log.timing(number, clock.report(tokens, tokens * self.config.trainer.epochs))
        # counts to the next rollout: a checkpoint covers whole logs, so it is written after the last line
        self.clock = Clock()
        with self.clock.time("checkpoint"):
            self._checkpoint_if_due()
        self.progress.warn(self.watch.look(steps))
        self.progress.warn(self.watch.look_at_control(self.state.control))
        self.progress.warn(self.watch.look_at_target(self.state.control, number + 1))

    def _warn_of_first_rollout(self, collected: Collected) -> None:
        config, batch = self.config, collected.batch
        if config.trainer.warn_after:
            self.progress.warn(nothing_learned(collected.scores, collected.reward_PG, config))
        self.progress.warn(
            empty_cuts(batch.segment_id_BT, batch.mask_BT, config.segmentation, config.objective)
        )
        self.progress.warn(other_groups(config.segmentation, config.objective))

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
        self._log_samples(number, collected, objective)
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

    def _evaluate_if_due(self) -> None:
        every = self.config.evaluation.every
        if every and self.state.rollouts % every == 0:
            self._evaluate(final=False)
        if self.state.rollouts == self.config.trainer.rollouts:
            self._evaluate(final=True)

    def _evaluate(self, *, final: bool) -> None:
        last_rollout = self.state.rollouts - 1
        rows = self.evaluator.final(last_rollout) if final else self.evaluator.curve(last_rollout)
        self.log.evaluation(self.progress.scored(rows, self.evaluator.size(final=final)))

    def _checkpoint_if_due(self) -> None:
        every = self.config.trainer.checkpoint_every
        if self.state.rollouts == self.config.trainer.rollouts or (
            every and self.state.rollouts % every == 0
        ):
            self.state = replace(self.state, seconds=self._seconds())
            self.checkpoints.save(self.state, self.log)

    def _seconds(self) -> float:
        """Return the wall time of the run over all its processes, as far as checkpoints carried it."""
        return round(time.monotonic() - self.started, 3)

    def _steered(self, recorded: RecordedRollout) -> ClipControl:
        """Return the clip controller's state after this rollout, if there is a controller."""
        objective = self.config.objective
        if objective.bounds.target_clip_frac is None:
            return self.state.control
        critical_N = critical_of_matched(visit_ratios(recorded, objective))
        self.watch.see(recorded.number, self.state.control.scale, critical_N)
        return steer(self.state.control, critical_N, objective)

    def _keep(self, recorded: RecordedRollout) -> None:
        every = self.config.trainer.record
        if every and (recorded.number + 1) % every == 0:
            from sspo.recording.file import (
                to_bytes,  # imports pyarrow, which a run without recordings does not need
            )

            self.log.recording(recorded.number, to_bytes(recorded))

    def _log_samples(self, number: int, collected: Collected, objective: ObjectiveConfig) -> None:
        every = self.config.trainer.samples_every
        if every and number % every == 0:
            rows = sample_rows(self.config, objective, self.policy, self.forward, collected, number)
            self.log.samples(rows)

    def _return_to_last_checkpoint(self) -> None:
        state = self.checkpoints.load(self.checkpoints.choose())
        if state is None:
            base = load_policy(self.config.model, self.device).model
            self.model.load_state_dict(base.state_dict())
            state = RunState(rollout0_sha256=self.state.rollout0_sha256)
        self.sampler.sync(self.model)
        self.state = state


def token_hash(rollout: Rollout) -> str:
    """Return a hash of the sampled tokens: equal across the arms of one seed at rollout 0."""
    ids_BT = rollout.response_BT.where(rollout.mask_BT, -1)
    return hashlib.sha256(ids_BT.cpu().numpy().tobytes()).hexdigest()
