"""VerlTrainer: verl's synchronous trainer with the objectives and segmentation of this project, `trainer.v1.trainer_mode=sspo`.

verl samples, scores, evaluates the old policy, shards and steps. Ours are the advantages, the segments, the bounds and the loss,
and which rows belong to which optimizer step: a seeded permutation of the rollout per epoch, as in our own trainer, dealt to
verl's ranks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transfer_queue as tq
from omegaconf import open_dict
from torchdata.stateful_dataloader import StatefulDataLoader
from transfer_queue import KVBatchMeta
from verl.trainer.ppo.utils import create_rl_dataset
from verl.trainer.ppo.v1 import PPOTrainerSync, register_trainer
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.dataset.rl_dataset import collate_fn
from verl.utils.metric import reduce_metrics
from verl.utils.py_functional import rename_dict
from verl.workers.utils.padding import response_from_nested

from sspo.evaluation.due import Due, due_after
from sspo.integrations.rollout import TrainedRollout, complete, mismatch_of
from sspo.integrations.verl.job.course import JobCourse
from sspo.integrations.verl.job.loss import SCALE, StepPart, step_loss
from sspo.integrations.verl.job.options import read_options
from sspo.integrations.verl.job.order import check_even, order_of_rows
from sspo.integrations.verl.job.rollout import read, write
from sspo.integrations.verl.names import CURVE, NAME, STEP
from sspo.metrics import Metric, merge_all, observe
from sspo.models.loading import read_tokenizer
from sspo.randomness import torch_stream
from sspo.segmentation import check_readable
from sspo.trainer.dynamic_sampling import penalized
from sspo.trainer.optim import check_norm
from sspo.trainer.rollout_metrics import clipping_of_rollout, summarize
from sspo.types import Score


@dataclass(frozen=True, kw_only=True)
class Current:
    """The rollout that is trained on."""

    rollout: TrainedRollout
    keys: list[str]
    """verl's key of each row."""
    scores: list[Score]
    metrics: dict[str, Metric]
    """Metrics of the rollout beside those of its steps."""


@register_trainer(NAME)
class VerlTrainer(PPOTrainerSync):
    """Trains as verl's synchronous trainer does, with the loss that `trainer.v1.sspo` names."""

    current: Current
    """Set by `_compute_advantage`, which verl calls before a rollout's updates."""

    def __init__(self, config: Any):
        self.options = read_options(config)
        with open_dict(config):
            config.trainer.v1.trainer_mode = "sync"  # verl asks by name how rollouts are sampled
        super().__init__(config)
        self.ours = self.options.config
        self.updates = self.ours.updates
        self.trial = None if self.options.job is None else JobCourse(self.options)

    @property
    def clip_scale(self) -> float:
        """Return the clip controller's factor; scripts have no controller."""
        return 1.0 if self.trial is None else self.trial.state.control.scale

    def _init_tokenizer(self) -> None:
        """Read verl's tokenizer, and ours of a trial's model, which decodes and segments."""
        super()._init_tokenizer()
        self.own_tokenizer = self.tokenizer if self.trial is None else read_tokenizer(self.ours.model.path)
        check_readable(self.ours.segmentation, self.own_tokenizer)

    def _setup(self) -> None:
        """Set up as verl does, and give every worker our loss. Raises UserError for steps that ranks cannot share."""
        super()._setup()
        check_even(self.ours.trainer.minibatch, self._ranks())
        loss = partial(
            step_loss,
            config=omega_conf_to_dataclass(self.config.actor_rollout_ref.actor),
            objective=self.ours.objective,
            max_tokens=self.ours.rollout.max_tokens,
        )
        self.actor_rollout_wg.set_loss_fn(loss)

    def _compute_advantage(self, batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        """Write our columns of the whole rollout instead of verl's advantages."""
        prompts, group = self.ours.rollout.prompts, self.ours.rollout.responses
        sampler = bool(self.config.actor_rollout_ref.rollout.calculate_log_probs)
        found = read(batch, group, prompts, reference=self.use_reference_policy, sampler=sampler)
        scores, penalty = penalized(found.scores, found.batch.mask_BT, self.ours)
        reward_PG = torch.tensor([score.value for score in scores]).view(prompts, group)
        number = self.global_steps - 1
        full = complete(found.batch, reward_PG, self.ours, self.own_tokenizer, number)
        batch = write(found, full, batch)
        rollout = TrainedRollout(
            number=number,
            first_step=number * self.updates + 1,
            clip_scale=self.clip_scale,
            batch=full,
            reward_PG=reward_PG,
            prompts=list(found.prompts),
        )
        of_rollout = summarize(scores, reward_PG, full, self._statuses()) | penalty | mismatch_of(full)
        self.current = Current(rollout=rollout, keys=found.keys, scores=scores, metrics=of_rollout)
        if self.trial is not None:
            self.trial.sampled(rollout, scores)
        return batch

    def _update_actor(self, batch: KVBatchMeta, metrics: dict[str, Any]) -> KVBatchMeta:
        """Run the rollout's optimizer steps, an epoch at a time."""
        current = self.current
        began = time.perf_counter()
        for minibatches in self._epochs():
            output = self.actor_rollout_wg.update_actor(self._ordered(batch, minibatches))
            found: dict[str, Any] = dict(output["metrics"])
            self._count(minibatches, found.pop(NAME), found)
            theirs = rename_dict(found, "actor/")
            theirs["perf/mfu/actor"] = theirs.pop("actor/mfu")
            metrics.update(reduce_metrics(theirs))
        metrics.update(values_of(current.rollout.steps))
        if self.trial is not None:
            seconds = {**self.timing_raw, "update": time.perf_counter() - began}
            self.trial.ended(
                current.rollout, current.scores, seconds, self.own_tokenizer, partial(self._seen_again, batch)
            )
        return batch

    def _epochs(self) -> list[list[torch.Tensor]]:
        """Return the rows of every optimizer step, by epoch: the permutations of our own trainer."""
        rollout = self.current.rollout
        generator = torch_stream(self.ours.seed, "minibatches", rollout.number)
        rows = len(rollout.batch.mask_BT)
        return [
            list(torch.randperm(rows, generator=generator).split(self.ours.trainer.minibatch))
            for _ in range(self.ours.trainer.epochs)
        ]

    def _ordered(self, batch: KVBatchMeta, minibatches: Sequence[torch.Tensor]) -> KVBatchMeta:
        """Return the rollout for one epoch: rows in the order in which verl's ranks take them, and verl's own directions."""
        rollout = self.current.rollout
        tokens = (rollout.batch.mask_BT.sum(1) + rollout.batch.prompt_mask_BL.sum(1)).tolist()
        order = order_of_rows(minibatches, tokens, self._ranks())
        ordered = batch.select_keys([self.current.keys[row] for row in order])
        ordered.extra_info |= {
            "calculate_entropy": False,
            "compute_loss": True,
            "distillation_use_topk": False,
            "distillation_only": False,
            "global_batch_size": self.ours.trainer.minibatch,
            "mini_batch_size": self.ours.trainer.minibatch,
            "epochs": 1,
            "seed": 0,
            "dataloader_kwargs": {"shuffle": False},
            "temperature": self.ours.rollout.temperature,
            SCALE: rollout.clip_scale,
        }
        return ordered

    def _ranks(self) -> int:
        """Return the number of data-parallel ranks."""
        workers = self.actor_rollout_wg
        if "actor" not in workers._dispatch_info:
            workers._dispatch_info["actor"] = workers._query_dispatch_info("actor")
        return int(max(workers._dispatch_info["actor"])) + 1

    def _count(
        self, minibatches: Sequence[torch.Tensor], parts: Sequence[StepPart], found: Mapping[str, Any]
    ) -> None:
        """Keep the metrics and visits of each optimizer step of an epoch. Raises Diverged."""
        rollout = self.current.rollout
        width = rollout.batch.mask_BT.shape[1]
        step_of = {int(row): step for step, row_b in enumerate(minibatches) for row in row_b}
        for step in range(len(minibatches)):
            mine = [part for part in parts if step_of[int(part.row_b[0])] == step]
            metrics = merge_all([part.metrics for part in mine])
            number = rollout.first_step + len(rollout.steps)
            norm = float(found["grad_norm"][step])
            check_norm(norm, number)
            metrics["optim/grad_norm"] = observe("optim/grad_norm", norm)
            metrics["optim/lr"] = observe("optim/lr", self.ours.trainer.lr)
            pad = torch.nn.functional.pad
            rollout.visits.append(
                (
                    torch.cat([part.row_b for part in mine]),
                    torch.cat([pad(part.logp_bT, (0, width - part.logp_bT.shape[1])) for part in mine]),
                )
            )
            rollout.steps.append(metrics)
            if len(rollout.steps) == self.updates:
                metrics |= self.current.metrics
                metrics |= clipping_of_rollout(rollout.steps, rollout.clip_scale)

    def _statuses(self) -> Sequence[str]:
        return () if self.trial is None else self.trial.statuses

    def _seen_again(self, batch: KVBatchMeta, rows: Sequence[int]) -> torch.Tensor:
        """Return log-probabilities of rows of the current rollout under the policy as it is now, nats, padded to the rollout's
        width. verl's ranks take equal numbers of rows, so further rows may go with them.
        """
        (size, width), ranks = self.current.rollout.batch.mask_BT.shape, self._ranks()
        others = [row for row in range(size) if row not in rows]
        sent = [*rows, *others[: -len(rows) % ranks]]
        asked = batch.select_keys([self.current.keys[row] for row in sent])
        asked.extra_info |= {
            "calculate_entropy": False,
            "compute_loss": False,
            "temperature": self.ours.rollout.temperature,
        }
        self.actor_rollout_wg.compute_log_prob(asked)
        fields = ["log_probs", "response_mask"]
        data = tq.kv_batch_get(keys=asked.keys, partition_id=asked.partition_id, select_fields=fields)
        logp_bt = response_from_nested(data["log_probs"], data["response_mask"]).to_padded_tensor(0)
        return torch.nn.functional.pad(logp_bt, (0, width - logp_bt.shape[1]))[: len(rows)].float()

    def _load_checkpoint(self) -> None:
        """Load verl's checkpoint, and the state of ours that goes with it."""
        super()._load_checkpoint()
        if self.trial is not None and self.global_steps:
            self.trial.resume(self._checkpoint(self.global_steps))

    def _save_checkpoint(self) -> None:
        """Write our state into verl's checkpoint before verl names it the latest."""
        if self.trial is not None:
            self.trial.save(self._checkpoint(self.global_steps))
        super()._save_checkpoint()

    val_dataloader: StatefulDataLoader

    def _init_dataloader(self) -> None:
        """Open the data as verl does; a trial has two sets of held-out rows."""
        super()._init_dataloader()
        if self.trial is not None:
            self.last = self.val_dataloader
            self.curve = self._held_out(str(self.trial.folder / CURVE))

    def _held_out(self, file: str) -> StatefulDataLoader:
        data = self.config.data
        rows = create_rl_dataset(file, data, self.tokenizer, self.processor, is_train=False)
        return StatefulDataLoader(dataset=rows, batch_size=len(rows), collate_fn=collate_fn)

    def _validate(self) -> dict[str, float]:
        """Evaluate as verl does; in a trial, as our own trainer does: the curve when it is due, and all at the last step."""
        if self.trial is None:
            return dict(super()._validate())
        due = due_after(self.ours, self.global_steps)
        if self.options.final:
            due = Due(curve=False, last=True)
        rows = [*([self.curve] if due.curve else []), *([self.last] if due.last else [])]
        found: dict[str, float] = {}
        for self.val_dataloader in rows:
            found |= super()._validate()
        return found

    def _dump_generations(
        self, *, reward_extra_infos_dict: Mapping[str, Sequence[str]], **others: Any
    ) -> None:
        """Tell a trial's evaluation instead of writing verl's file of it. Raises RuntimeError if answers are missing."""
        if self.trial is None:
            super()._dump_generations(reward_extra_infos_dict=reward_extra_infos_dict, **others)
            return
        rows = [json.loads(text)["row"] for text in reward_extra_infos_dict[NAME]]
        asked = len(self.val_dataloader.dataset)
        if len(rows) != asked:  # verl leaves out answers that failed
            raise RuntimeError(f"an evaluation has {len(rows)} instead of {asked} answers")
        rows.sort(key=lambda row: row.pop("place"))
        self.trial.evaluated(self.global_steps, rows, final=self.val_dataloader is self.last)

    def _checkpoint(self, step: int) -> Path:
        return Path(self.config.trainer.default_local_dir) / f"{STEP}{step}"


def values_of(steps: Sequence[Mapping[str, Metric]]) -> dict[str, float]:
    """Return the numbers of a rollout for verl's log, by our glossary's keys: means and percentiles over all its optimizer steps
    at once, sums of an average step, and the last step's where parts do not merge. What counted nothing is left out.
    """
    merged: dict[str, Metric] = {}
    for step in steps:
        for key, metric in step.items():
            known = merged.get(key)
            merged[key] = metric if known is None or metric.reduction == "last" else known.merge(metric)
    found: dict[str, float] = {}
    for key, metric in merged.items():
        value = metric.value()
        if value is not None:
            found[key] = value / len(steps) if metric.reduction == "sum" else value
    return found
