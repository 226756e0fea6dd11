"""The run folder of an SSPOTrainer: reports read it as an arm, `python -m sspo.replay` replays its recordings.

It has config.yaml, env.json, metrics.jsonl, recordings, and DONE.json or FAILED.json as runs of ours. config.yaml has only
the options that TRL's run has: no task, no reward, no evaluation. What the logs hold travels in the `trainer_state.json` of
TRL's own checkpoints, so that a run that resumes cuts them back to its checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from sspo.config import TrainConfig
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.integrations.rollout import TrainedRollout, recorded_of, ungraded
from sspo.integrations.trl.refusals import in_trl_words
from sspo.objective.clip_controller import ClipControl
from sspo.runs.content_hash import content_hash
from sspo.runs.epochs import flat
from sspo.runs.logfile import Extent
from sspo.runs.runlog import CONFIG, DONE, METRICS, RunLog, mark_failed
from sspo.trainer.clip_watch import ClipWatch
from sspo.trainer.course import keep, steered, token_hash, warnings_of
from sspo.trainer.environment import environment_of
from sspo.trainer.failures import failure_of
from sspo.trainer.optim import Diverged

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

NAME = "RunFolder"
"""Key of the state in TRL's checkpoints."""
WRITTEN: dict[str, tuple[str, ...]] = {
    "model": ("path", "precision"),
    "rollout": ("prompts", "responses", "max_tokens", "temperature"),
    "trainer": (
        *("backend", "rollouts", "minibatch", "epochs", "lr", "warmup_steps", "beta1", "beta2"),
        *("weight_decay", "max_grad_norm", "record"),
    ),
}
"""Options that TRL's run has beside its objective and segmentation; config.yaml leaves the others out."""

MAY_CHANGE = ("trainer.rollouts", "trainer.record")
"""Options under which a run may resume that it did not begin with."""


class Followed(Protocol):
    """What the folder reads of an SSPOTrainer, and the one thing that it sets: `clip_scale`."""

    args: Any
    options: TrainConfig
    model: Any
    updates: int
    clip_scale: float
    current: TrainedRollout | None

    def is_world_process_zero(self) -> bool:
        """Return whether this process writes."""
        ...


class RunFolder(TrainerCallback, ExportableState):
    """Writes the folder from the main process; every process follows the clip controller."""

    def __init__(self, trainer: Followed):
        """Raises UserError if the folder holds a finished run."""
        self.trainer = trainer
        self.folder = Path(trainer.args.run_folder)
        self.main = bool(trainer.is_world_process_zero())
        self.log: RunLog | None = None
        self.control = ClipControl()
        self.finished = 0
        self.sha256: str | None = None
        self.seconds, self.started = 0.0, time.monotonic()
        if trainer.args.restore_callback_states_from_checkpoint:
            raise UserError(
                "restore_callback_states_from_checkpoint=True cannot be used with run_folder, which restores its own state: set it to False"
            )
        if (self.folder / DONE).is_file():
            raise UserError(
                f"run_folder={self.folder} holds a finished run: set another folder, or remove it"
            )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Open the logs: new ones, or those of the checkpoint that the trainer resumes from. Raises UserError."""
        resumed = state.global_step > 0
        covered = self._restored(state) if resumed else {}
        self.config = config_of(self.trainer, state.max_steps)
        self.watch = ClipWatch(self.config, self.finished)
        self.trainer.clip_scale = self.control.scale
        self.started = time.monotonic() - self.seconds
        if not self.main:
            return
        if not resumed and (self.folder / METRICS).is_file():
            raise UserError(
                f"run_folder={self.folder} holds the logs of an earlier run: continue it with trainer.train(resume_from_checkpoint=...), set "
                "another folder, or remove it"
            )
        if resumed:
            self._check_options()
        log = RunLog(self.folder)
        lack = log.lacks(covered)
        if lack is not None:
            raise UserError(
                f"run_folder={self.folder} does not fit the checkpoint at optimizer step {state.global_step}: {lack}; resume from an earlier "
                "checkpoint, or set another folder and train from the start"
            )
        log.rewind(covered)
        log.describe(
            written(self.config),
            environment_of(self.config, self.trainer.model, self.config.model.precision),
            resumed=resumed,
        )
        self.log = log

    def _check_options(self) -> None:
        """Raise UserError if the run began under other options: its logs would hold two runs under one configuration."""
        try:
            before = flat(read_yaml(self.folder / CONFIG))
        except UserError as error:
            raise UserError(f"{error}; train from the start in another run_folder") from error
        now = flat(written(self.config))
        for key in sorted({*before, *now} - set(MAY_CHANGE)):
            if before.get(key) != now.get(key):
                raise UserError(
                    f"run_folder={self.folder} began with {in_trl_words(key)}={before.get(key)}, and this run has {now.get(key)}: resume it "
                    "with the options that it began with, or train from the start in another run_folder"
                )

    def _restored(self, state: TrainerState) -> dict[str, Extent]:
        """Take over the state in a checkpoint; return what it covers of the logs."""
        saved = (state.stateful_callbacks or {}).get(NAME, {}).get("attributes", {})
        at = f"the checkpoint at optimizer step {state.global_step}"
        if not saved:
            raise UserError(
                f"run_folder={self.folder}: {at} was written without a run folder, so the logs would lack their beginning; resume "
                "without run_folder, or train from the start"
            )
        if saved["rollouts"] * self.trainer.updates != state.global_step:
            raise UserError(
                f"run_folder={self.folder}: {at} is amid a rollout, whose rest TRL does not keep; resume from a checkpoint at a multiple of "
                f"{self.trainer.updates} optimizer steps"
            )
        self.control = ClipControl(**saved["control"])
        self.finished, self.sha256, self.seconds = saved["rollouts"], saved["sha256"], saved["seconds"]
        return {name: Extent(**extent) for name, extent in saved["covered"].items()}

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint of now keeps: the extent of each log, and the clip controller."""
        if self.log is None:
            return {"args": {}, "attributes": {}}
        saved = {
            "covered": {name: asdict(extent) for name, extent in self.log.settle().items()},
            "control": asdict(self.control),
            "rollouts": self.finished,
            "sha256": self.sha256,
            "seconds": self._seconds(),
        }
        return {"args": {}, "attributes": saved}

    def _seconds(self) -> float:
        return round(time.monotonic() - self.started, 3)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Log the optimizer step; after a rollout's last, end the rollout. Raises Diverged."""
        rollout = self.trainer.current
        assert rollout is not None
        metrics, update = rollout.steps[-1], len(rollout.steps) - 1
        if metrics["optim/grad_norm"].value() is None and not args.fp16:  # fp16 skips such steps
            raise Diverged(f"gradient norm is not finite at optimizer step {state.global_step}")
        if self.log is not None:
            self.log.step(state.global_step, rollout.number, update, metrics)
        if update + 1 == self.trainer.updates:
            self._end(rollout)

    def _end(self, rollout: TrainedRollout) -> None:
        recorded = recorded_of(rollout, _problem_ids(rollout), ungraded(rollout))
        if rollout.number == 0:
            self.sha256 = token_hash(rollout.batch.response_BT, rollout.batch.mask_BT)
        self.control = steered(self.control, recorded, self.config.objective, self.watch)
        self.finished = rollout.number + 1
        self.trainer.clip_scale = self.control.scale
        warnings = warnings_of(self.watch, rollout.steps, self.control, self.finished)
        if self.log is not None:
            if (
                not rollout.reward_PG.isnan().any()
            ):  # without all rewards no other objective's advantages follow
                keep(self.log, recorded, self.config.trainer.record)
            for warning in warnings:
                print(in_trl_words(warning), file=sys.stderr, flush=True)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Mark the run finished, if it went to its last step: one that was stopped can be resumed."""
        if self.log is not None and state.global_step >= state.max_steps:
            self.log.done(
                {
                    "rollouts": self.finished,
                    "steps": state.global_step,
                    "rollout0_sha256": self.sha256,
                    "seconds": self._seconds(),
                    "control": asdict(self.control),
                }
            )

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Write FAILED.json if training in the `with` block raises, and let the error pass."""
        try:
            yield
        except Exception as error:
            if self.log is not None and not (self.folder / DONE).is_file():
                self._mark(error)
            raise

    def _mark(self, error: Exception) -> None:
        assert self.log is not None
        if isinstance(error, Diverged):
            error.logs = self.log.ended()
        if failure := failure_of(error):
            mark_failed(self.folder, **vars(failure))
        else:
            mark_failed(self.folder, "error", f"{type(error).__name__}: {error}", traceback.format_exc())


def config_of(trainer: Followed, steps: int) -> TrainConfig:
    """Return the options of a trainer of so many optimizer steps, with its model's place, which replay reads. Raises UserError
    if they end before the first rollout does: readers take a run without rollouts for the untrained base.
    """
    args, rollouts = trainer.args, steps // trainer.updates
    if rollouts == 0:
        raise UserError(
            f"run_folder={args.run_folder} would hold no finished rollout: training ends after {steps} of the {trainer.updates} optimizer steps "
            "per rollout; raise max_steps, or leave out run_folder"
        )
    options: TrainConfig = trainer.options
    warmup = args.get_warmup_steps(steps)  # warmup_steps below 1 is a share of all steps
    halved = args.bf16 or trainer.model.dtype == torch.bfloat16
    model = replace(options.model, path=_path(trainer.model), precision="bfloat16" if halved else "float32")
    backend = (
        options.trainer.backend if options.objective.sampler_caps else "trl"
    )  # a trial of ours cannot have both
    changed = replace(options.trainer, rollouts=rollouts, backend=backend, warmup_steps=warmup)
    return replace(options, model=model, trainer=changed)


def _path(model: Any) -> str:
    """Return the folder that a model came from, or its name on the hub with the commit that was loaded."""
    name, commit = str(model.config._name_or_path), getattr(model.config, "_commit_hash", None)
    if Path(name).is_dir():
        return str(Path(name).resolve())
    return f"{name}@{commit}" if commit else name


def written(config: TrainConfig) -> dict[str, Any]:
    """Return the content of config.yaml."""
    content = asdict(config)
    parts = {group: {key: content[group][key] for key in keys} for group, keys in WRITTEN.items()}
    return {"seed": config.seed, **parts} | {key: content[key] for key in ("segmentation", "objective")}


def _problem_ids(rollout: TrainedRollout) -> list[str]:
    """Return an id per prompt: equal for equal prompts, whatever dataset they come from."""
    return [
        content_hash({"prompt": json.dumps(prompt, sort_keys=True, default=str)})
        for prompt in rollout.prompts
    ]
