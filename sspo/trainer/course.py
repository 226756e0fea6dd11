"""The course of a run around its updates, the same for every backend: opening, evaluation, checkpoints, and its end."""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from sspo.config import ObjectiveConfig, TrainConfig
from sspo.console.progress import Progress
from sspo.evaluation.due import due_after
from sspo.evaluation.evaluator import Evaluator
from sspo.metrics import Metric
from sspo.models.device import resolve_device
from sspo.models.forward import open_forward
from sspo.models.policy import load_policy
from sspo.objective.clip_controller import ClipControl, steer
from sspo.recording.ratios import critical_of_matched, visit_ratios
from sspo.recording.recorded import RecordedRollout
from sspo.rewards import open_reward, with_others
from sspo.rollout import open_sampler
from sspo.runs.runlog import CHECKPOINTS, RunLog
from sspo.runs.tracking import Tracker
from sspo.tasks import first_question, task_of
from sspo.trainer.checkpoint import Checkpoints, RunState
from sspo.trainer.clip_watch import ClipWatch
from sspo.trainer.clock import Clock
from sspo.trainer.cut_watch import empty_cuts, other_groups
from sspo.trainer.environment import describe_environment
from sspo.trainer.learn_watch import nothing_learned
from sspo.trainer.optim import Diverged, build_optimizer, check_optimizer
from sspo.trainer.ready import check_answers, ready_policy
from sspo.trainer.sample_log import sample_rows
from sspo.types import Batch, Score

Metrics = dict[str, Metric]


class Course(ABC):
    """One run, from its last checkpoint or the base model to its fixed last step. A backend adds the rollouts."""

    def __init__(self, config: TrainConfig, folder: Path, progress: Progress):
        """Open everything that can refuse the run. `_resume` follows, once the backend is open too."""
        torch.set_num_threads(config.run.threads)
        self.config = config
        self.progress = progress
        self.device = resolve_device(config.run.device)
        check_optimizer(config.trainer)
        self.task, self.main_reward = task_of(config), open_reward(config.reward)
        self.reward = with_others(self.main_reward, config.reward)
        check_answers(config, self.task, self.reward)
        self.policy = ready_policy(config, self.task, self.device, progress.warn)
        self.log = RunLog(folder)
        self.model = self.policy.model
        self.forward = open_forward(self.policy, config.trainer)
        self.optimizer = build_optimizer(self.model, config.trainer)
        self.sampler = open_sampler(self.policy, config)
        for remark in (*self.forward.remarks, *self.sampler.remarks):
            progress.warn(remark)
        self.evaluator = Evaluator(
            self.task,
            self.main_reward,
            self.policy,
            self.sampler,
            config.evaluation,
            config.reward.second,
        )
        self.checkpoints = Checkpoints(
            folder / CHECKPOINTS, self.policy, self.optimizer, config.run.checkpoints_kept, progress.warn
        )

    def _resume(self) -> None:
        """Continue from the last checkpoint, if any, and describe the run on disk."""
        config = self.config
        self.state = self.checkpoints.resume(self.log)
        self.sampler.sync(self.model)
        environment = describe_environment(config, self.policy)
        environment["paths"] = self._paths()
        environment["prompt"] = self.policy.encoder.shown(first_question(self.task, config))
        self.log.describe(asdict(config), environment, resumed=self.state.rollouts > 0)
        self.watch = ClipWatch(config, self.state.rollouts)
        self.clock = Clock()
        self.started = time.monotonic() - self.state.seconds

    def _paths(self) -> dict[str, str]:
        """Return the code that the run's forward passes and sampling go through, for env.json."""
        return {**self.forward.paths, **self.sampler.paths}

    @abstractmethod
    def _train(self, tracker: Tracker) -> None:
        """Train to the last rollout; call `_close` after each. Raises Diverged."""

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
            self._train(tracker)
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

    def _close(self, recorded: RecordedRollout, steps: Sequence[Metrics]) -> None:
        """End a rollout after its last update: recording, controller, evaluation, timing, checkpoint, warnings."""
        number, clock = recorded.number, self.clock
        self._keep(recorded)
        control = steered(self.state.control, recorded, self.config.objective, self.watch)
        self.state = replace(self.state, rollouts=number + 1, control=control)
        self.progress.advance(number + 1, steps[-1])
        with clock.time("evaluation"):
            self._evaluate_if_due()
        tokens = int(recorded.batch.mask_BT.sum())
        self.log.timing(number, clock.report(tokens, tokens * self.config.trainer.epochs))
        # counts to the next rollout: a checkpoint covers whole logs, so it is written after the last line
        self.clock = Clock()
        with self.clock.time("checkpoint"):
            self._checkpoint_if_due()
        for warning in warnings_of(self.watch, steps, control, number + 1):
            self.progress.warn(warning)

    def _warn_of_first_rollout(self, scores: Sequence[Score], reward_PG: torch.Tensor, batch: Batch) -> None:
        config = self.config
        if config.trainer.warn_after:
            self.progress.warn(nothing_learned(scores, reward_PG, config))
        self.progress.warn(
            empty_cuts(batch.segment_id_BT, batch.mask_BT, config.segmentation, config.objective)
        )
        self.progress.warn(other_groups(config.segmentation, config.objective))

    def _evaluate_if_due(self) -> None:
        due = due_after(self.config, self.state.rollouts)
        if due.curve:
            self._evaluate(final=False)
        if due.last:
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

    def _keep(self, recorded: RecordedRollout) -> None:
        keep(self.log, recorded, self.config.trainer.record)

    def _log_samples(self, recorded: RecordedRollout, objective: ObjectiveConfig) -> None:
        every = self.config.trainer.samples_every
        if every and recorded.number % every == 0:
            tokenizer = self.policy.tokenizer
            self.log.samples(
                sample_rows(self.config, objective, tokenizer, self.forward.token_logp, recorded)
            )

    def _return_to_last_checkpoint(self) -> None:
        state = self.checkpoints.load(self.checkpoints.choose())
        if state is None:
            base = load_policy(self.config.model, self.device).model
            self.model.load_state_dict(base.state_dict())
            state = RunState(rollout0_sha256=self.state.rollout0_sha256)
        self.sampler.sync(self.model)
        self.state = state


def keep(log: RunLog, recorded: RecordedRollout, every: int) -> None:
    """Write the recording of a rollout, if it is the last of `every`; never if that is 0."""
    if every and (recorded.number + 1) % every == 0:
        from sspo.recording.file import (
            to_bytes,  # imports pyarrow, which a run without recordings does not need
        )

        log.recording(recorded.number, to_bytes(recorded))


def steered(
    control: ClipControl, recorded: RecordedRollout, objective: ObjectiveConfig, watch: ClipWatch
) -> ClipControl:
    """Return the clip controller's state after this rollout, if there is a controller."""
    if objective.bounds.target_clip_frac is None:
        return control
    critical_N = critical_of_matched(visit_ratios(recorded, objective))
    watch.see(recorded.number, control.scale, critical_N)
    return steer(control, critical_N, objective)


def warnings_of(watch: ClipWatch, steps: Sequence[Metrics], control: ClipControl, finished: int) -> list[str]:
    """Return the warnings on clipping that are due after a rollout, given its steps and the controller's next state."""
    found = (watch.look(steps), watch.look_at_control(control), watch.look_at_target(control, finished))
    return [warning for warning in found if warning is not None]


def token_hash(response_BT: torch.Tensor, mask_BT: torch.Tensor) -> str:
    """Return a hash of sampled tokens: equal across the arms of one seed at rollout 0."""
    ids_BT = response_BT.where(mask_BT, -1)
    return hashlib.sha256(ids_BT.cpu().numpy().tobytes()).hexdigest()
