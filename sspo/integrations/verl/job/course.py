"""The course of a trial's job around each rollout's updates: warnings, parity, recordings, the clip controller, evaluation.

What sspo/trainer/course.py does for a run in one process; here everything is told through events, and the process that started the
job writes the run's logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sspo.integrations.rollout import TrainedRollout, recorded_of
from sspo.integrations.verl.job.events import JobEvents, JobState, load_state
from sspo.integrations.verl.job.options import JobOptions
from sspo.objective.clip_controller import scaled
from sspo.recording.recorded import RecordedRollout
from sspo.rewards import open_reward
from sspo.runs.runlog import recording_name
from sspo.trainer.clip_watch import ClipWatch
from sspo.trainer.course import steered, token_hash, warnings_of
from sspo.trainer.cut_watch import empty_cuts, other_groups
from sspo.trainer.learn_watch import nothing_learned
from sspo.trainer.mismatch import check_parity, parity_limit
from sspo.trainer.sample_log import SAMPLES, sample_rows
from sspo.types import Batch, Score

PHASES = {
    "gen": "rollout",
    "reward": "reward",
    "old_log_prob": "old_logp",
    "ref": "old_logp",
    "adv": "old_logp",
}
"""verl's timers, and the phases of ours that they belong to."""
Again = Callable[[Sequence[int]], torch.Tensor]
"""Rows of the current rollout -> their log-probabilities under the policy as it is now, nats, (b, T)."""


class JobCourse:
    """One trial's job, from its last checkpoint on."""

    def __init__(self, options: JobOptions):
        assert options.job is not None
        self.config, self.folder = options.config, options.job
        self.events = JobEvents(options.job)
        self.state = JobState()
        self.watch = ClipWatch(self.config, 0)
        self.statuses = open_reward(self.config.reward).statuses
        self.precision = options.precision

    def resume(self, checkpoint: Path) -> None:
        """Take the state that goes with one of verl's checkpoints."""
        self.state = load_state(checkpoint)
        self.watch = ClipWatch(self.config, self.state.rollouts)

    def save(self, checkpoint: Path) -> None:
        """Write the state beside one of verl's checkpoints."""
        self.events.save(checkpoint, self.state)

    def sampled(self, rollout: TrainedRollout, scores: Sequence[Score]) -> None:
        """Look at a rollout before its first update. Raises UserError if its sampler is too far from the trainer."""
        config, batch = self.config, rollout.batch
        sampler_logp_BT = batch.extras.sampler_logp_BT
        assert sampler_logp_BT is not None
        limit = parity_limit(config.run.parity, self.precision)
        check_parity(sampler_logp_BT, batch.old_logp_BT, batch.mask_BT, limit=limit, number=rollout.number)
        if rollout.number:
            return
        self.state = replace(self.state, rollout0_sha256=token_hash(batch.response_BT, batch.mask_BT))
        if config.trainer.warn_after:
            self._warn(nothing_learned(scores, rollout.reward_PG, config))
        self._warn(empty_cuts(batch.segment_id_BT, batch.mask_BT, config.segmentation, config.objective))
        self._warn(other_groups(config.segmentation, config.objective))

    def _warn(self, text: str | None) -> None:
        if text is not None:
            self.events.tell("warning", text=text)

    def ended(
        self,
        rollout: TrainedRollout,
        scores: Sequence[Score],
        seconds: Mapping[str, float],
        tokenizer: Any,
        again: Again,
    ) -> None:
        """Tell of a rollout after its last update. `again` gives log-probabilities under the updated policy."""
        for update, metrics in enumerate(rollout.steps):
            self.events.step(rollout.first_step + update, rollout.number, update, metrics)
        recorded = recorded_of(rollout, rollout.prompts, scores)
        self._tell_samples(recorded, tokenizer, again)
        self._record(recorded)
        control = steered(self.state.control, recorded, self.config.objective, self.watch)
        finished = rollout.number + 1
        self.state = replace(
            self.state, rollouts=finished, steps=rollout.first_step + len(rollout.steps) - 1, control=control
        )
        warnings = warnings_of(self.watch, rollout.steps, control, finished)
        tokens = int(rollout.batch.mask_BT.sum())
        self.events.rollout(self.state, timing_of(seconds, tokens, self.config.trainer.epochs), warnings)

    def _record(self, recorded: RecordedRollout) -> None:
        every = self.config.trainer.record
        if every and (recorded.number + 1) % every == 0:
            from sspo.recording.file import to_bytes  # imports pyarrow

            self.events.recording(recording_name(recorded.number), to_bytes(recorded))

    def _tell_samples(self, recorded: RecordedRollout, tokenizer: Any, again: Again) -> None:
        every = self.config.trainer.samples_every
        if not every or recorded.number % every:
            return
        rows = list(range(0, len(recorded.batch.mask_BT), self.config.rollout.responses))[:SAMPLES]
        objective = scaled(self.config.objective, recorded.clip_scale)
        logp_bT = again(rows)

        def known(part: Batch, _: float) -> torch.Tensor:
            return logp_bT[:, : part.mask_BT.shape[1]]

        told = list(sample_rows(self.config, objective, tokenizer, known, recorded))
        self.events.tell("samples", rollout=recorded.number, rows=told)

    def evaluated(self, finished: int, rows: Sequence[Mapping[str, Any]], *, final: bool) -> None:
        """Tell of a held-out evaluation after so many rollouts: rows as lines of eval.jsonl, without the rollout."""
        whole = [{"rollout": finished - 1, "final": final, **row} for row in rows]
        self.events.tell("evaluation", rollout=finished - 1, final=final, rows=whole)


def timing_of(seconds: Mapping[str, float], tokens: int, epochs: int) -> dict[str, float]:
    """Return a line of timing.jsonl from verl's timers, which hold seconds."""
    found: dict[str, float] = {}
    for name, value in seconds.items():
        if name in PHASES:
            key = f"seconds/{PHASES[name]}"
            found[key] = found.get(key, 0.0) + value
    found["seconds/update"] = seconds["update"]
    return {
        **{key: round(value, 4) for key, value in found.items()},
        "speed/sampled_tokens": round(tokens / found["seconds/rollout"], 1),
        "speed/trained_tokens": round(tokens * epochs / found["seconds/update"], 1),
    }
