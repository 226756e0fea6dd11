"""An optimizer step of TRL's: the counts of its rows over micro-batches and processes, its metrics, its prompts' order, and when to save."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import gather_object
from transformers import TrainerCallback
from trl.trainer.utils import RepeatSampler

from sspo.metrics import Metric, merge_all
from sspo.types import LossContext

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

TRL_NAMES = {
    "clip_ratio/low_mean": "policy/clip_frac_low",
    "clip_ratio/high_mean": "policy/clip_frac_high",
    "clip_ratio/region_mean": "policy/clip_frac",
    "kl": "policy/kl_reference",
}
"""TRL's own metrics that our loss provides as well: dashboards made for TRL keep their panels."""


def contexts(
    accelerator: Any, parts: Sequence[Mapping[str, Any]], accumulated: int, max_tokens: int
) -> list[LossContext]:
    """Return the context of every optimizer step over a generation's micro-batches, `accumulated` of them a step.

    Counts are those of all processes: every loss is divided by its whole batch, whichever process computes which rows.
    """
    masks = [part["completion_mask"] for part in parts]
    counts_S2 = torch.tensor(
        [
            [sum(int(m.sum()) for m in masks[i : i + accumulated]), sum(map(len, masks[i : i + accumulated]))]
            for i in range(0, len(masks), accumulated)
        ],
        device=masks[0].device,
    )
    found: torch.Tensor = accelerator.reduce(counts_S2, reduction="sum")
    return [
        LossContext(tokens=tokens, responses=responses, max_response_tokens=max_tokens)
        for tokens, responses in found.tolist()
    ]


def over_processes(accelerator: Any, parts: Sequence[dict[str, Metric]]) -> dict[str, Metric]:
    """Return the metrics of one step, merged over its micro-batches and all processes."""
    merged = merge_all(list(parts))
    if accelerator.num_processes == 1:
        return merged
    plain = {
        key: Metric(one.reduction, tuple(map(_plain, one.parts)), one.min_count)
        for key, one in merged.items()
    }
    return merge_all(gather_object([plain]))


def _plain(part: Any) -> Any:
    return part.cpu() if isinstance(part, torch.Tensor) else part


def in_trl(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return the numbers for TRL's log, by our glossary's keys and by TRL's own; what counted nothing is left out."""
    values = {key: metric.value() for key, metric in metrics.items()}
    values |= {name: values[key] for name, key in TRL_NAMES.items() if key in values}
    return {key: value for key, value in values.items() if value is not None}


class OrderAfterRestart(TrainerCallback):
    """Takes TRL's order of prompts to the epoch in which a run resumes: TRL orders that epoch as the dataset's first.

    The sampler's own `set_epoch` would not do: of several processes, none reaches it amid an epoch.
    """

    def __init__(self, updates: int):
        self.updates = updates
        self.sampler: RepeatSampler | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Draw the orders of the epochs that are over."""
        sampler = self.sampler
        if isinstance(sampler, RepeatSampler) and sampler.shuffle:
            for _epoch in range(
                state.global_step // (sampler.num_samples // sampler.batch_size * self.updates)
            ):
                torch.randperm(sampler.num_samples, generator=sampler.generator)


class SaveAfterRollouts(TrainerCallback):
    """Puts a checkpoint that falls due amid a rollout off to the rollout's end: TRL loses the rest of a rollout when it
    resumes.
    """

    def __init__(self, updates: int):
        self.updates = updates
        self.due = False

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Delay or release a save."""
        self.due = self.due or control.should_save
        ended = state.global_step % self.updates == 0 or control.should_training_stop
        control.should_save = self.due and ended
        self.due = self.due and not ended
        return control
