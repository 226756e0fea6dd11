"""Gradient noise: how much parameter gradients of parts of a rollout disagree, and its column of the table."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch
from safetensors import SafetensorError

from sspo.config import ClipConfig, ObjectiveConfig, SegmentationConfig, TrainConfig
from sspo.console.progress import Counter
from sspo.errors import UserError
from sspo.models.forward import Forward, open_forward
from sspo.models.forward.micro_batches import micro_batches
from sspo.models.policy import Policy
from sspo.objective.micro_batch import part_loss, step_context
from sspo.randomness import torch_stream
from sspo.recording.file import read_recorded
from sspo.recording.ratios import seen_by
from sspo.recording.recorded import RecordedRollout
from sspo.replay.evaluate import segment_ids
from sspo.replay.request import Curve, Request, curves
from sspo.replay.source import RecordedRun
from sspo.runs.runlog import rollout_of
from sspo.trainer.saved_model import load_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SUB_BATCHES = 16


def gradient_noise(
    policy: Policy,
    recorded: RecordedRollout,
    points: Sequence[tuple[ObjectiveConfig, torch.Tensor]],
    config: TrainConfig,
) -> list[float | None]:
    """Return tr(Cov) / |mean|^2 of the gradients of sixteen random parts of the rollout, for each (objective,
    segment_id_BT).

    `policy` is the one after the rollout's last update, where ratios are furthest from 1. |mean|^2 contains a share of
    the noise itself, so the estimate saturates at the number of parts, its value for pure noise. None if every gradient
    is zero. Memory: three float64 parameter vectors per point.
    """
    variants = [
        (objective, seen_by(recorded, objective, ids_BT, config.seed)) for objective, ids_BT in points
    ]
    order_B = torch.randperm(
        len(recorded.batch.mask_BT), generator=torch_stream(config.seed, "gradient noise", recorded.number)
    )
    rows = order_B.tensor_split(parts_of(recorded))
    forward = open_forward(policy, config.trainer)
    for remark in forward.remarks:
        print(remark, file=sys.stderr)
    total: list[torch.Tensor] = []
    squares = [0.0 for _ in variants]
    for row_b in rows:
        gradients = _gradients(policy, forward, recorded, variants, row_b, config)
        total = [t + g for t, g in zip(total, gradients, strict=True)] if total else gradients
        squares = [s + float(g @ g) for s, g in zip(squares, gradients, strict=True)]
    return [_noise(t / len(rows), s, len(rows)) for t, s in zip(total, squares, strict=True)]


def parts_of(recorded: RecordedRollout) -> int:
    """Return the number of parts that the rollout is split into."""
    return min(SUB_BATCHES, len(recorded.batch.mask_BT))


def _gradients(
    policy: Policy,
    forward: Forward,
    recorded: RecordedRollout,
    variants: Sequence[tuple[ObjectiveConfig, RecordedRollout]],
    row_b: torch.Tensor,
    config: TrainConfig,
) -> list[torch.Tensor]:
    """Return the parameter gradient of each variant's loss on the given rows: one forward pass, and one backward pass
    each.
    """
    model = policy.model
    parameters = [p for p in model.parameters() if p.requires_grad]
    flat = [torch.zeros(sum(p.numel() for p in parameters), dtype=torch.float64) for _ in variants]
    for index_b, part in micro_batches(recorded.batch, row_b, config.trainer.micro_batch_tokens):
        logp_bt = forward.token_logp(part.to(model.device), config.rollout.temperature)
        for i, (objective, variant) in enumerate(variants):
            weight_bt = _loss_gradient(logp_bt.detach().cpu(), variant, row_b, index_b, objective, config)
            pulled = torch.autograd.grad(logp_bt, parameters, weight_bt.to(model.device), retain_graph=True)
            flat[i] += torch.cat([g.flatten() for g in pulled]).double().cpu()
    return flat


def _loss_gradient(
    logp_bt: torch.Tensor,
    recorded: RecordedRollout,
    row_b: torch.Tensor,
    index_b: torch.Tensor,
    objective: ObjectiveConfig,
    config: TrainConfig,
) -> torch.Tensor:
    """Return d loss / d logp_bt of the rows `index_b` of a part `row_b`, which the chain rule propagates to the
    parameters.
    """
    batch = recorded.batch
    leaf_bt = logp_bt.clone().requires_grad_()
    context = step_context(batch, row_b, config.rollout.max_tokens)
    part_loss(leaf_bt, batch.rows(index_b), objective, context).loss.backward()
    assert leaf_bt.grad is not None
    return leaf_bt.grad


def _noise(mean: torch.Tensor, squares: float, parts: int) -> float | None:
    norm = float(mean @ mean)
    if norm == 0 or parts < 2:
        return None
    return (squares - parts * norm) / (parts - 1) / norm


if TYPE_CHECKING:
    from transformers import PreTrainedModel


def add_noise(
    table: pa.Table,
    runs: Sequence[RecordedRun],
    request: Request,
    policy_of: Callable[[RecordedRun], Policy],
) -> tuple[pa.Table, int]:
    """Fill grad_noise if a run's checkpoint belongs to a recorded rollout; return the number of parts per rollout.

    Matched points are measured if there are any, all points otherwise.
    """
    columns = {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}
    noise = columns["grad_noise"].copy()
    matched_only = bool((~np.isnan(columns["target"])).any())
    parts = 0
    saved_after = [(number, run, found) for number, run in enumerate(runs) if (found := _last_recorded(run))]
    with Counter("runs with gradient noise", len(saved_after)) as tick:
        for number, run, (recorded, saved) in saved_after:
            here = (columns["run"] == number) & (columns["rollout"] == recorded.number)
            here &= columns["update"] == recorded.visits.updates - 1
            here &= ~np.isnan(columns["target"]) | (not matched_only)
            policy = policy_of(run)
            _load(saved, policy.model)
            lines = np.flatnonzero(here)
            points = list(_points(columns, lines, curves(request, run.config, recorded.clip_scale)))
            cut = [(objective, segment_ids(run, recorded, rule)) for objective, rule in points]
            values = gradient_noise(policy, recorded, cut, run.config)
            noise[lines] = [math.nan if value is None else value for value in values]
            parts = max(parts, parts_of(recorded))
            tick()
    place = table.column_names.index("grad_noise")
    return table.set_column(place, "grad_noise", pa.array(noise, mask=np.isnan(noise))), parts


def _last_recorded(run: RecordedRun) -> tuple[RecordedRollout, Path] | None:
    """Return the recorded rollout right before the run's checkpoint, and the checkpoint."""
    for path in run.files:
        saved = run.checkpoint_after(rollout_of(path.name))
        if saved is not None:
            return read_recorded(path), saved
    return None


def _load(saved: Path, model: PreTrainedModel) -> None:
    try:
        load_weights(saved, model)
    except (OSError, KeyError, SafetensorError) as error:
        raise UserError(
            f"the checkpoint {saved} cannot be read ({error}): replay without --grad-noise"
        ) from error


def _points(
    columns: Mapping[str, np.ndarray], lines: np.ndarray, chosen: Sequence[Curve]
) -> Iterator[tuple[ObjectiveConfig, SegmentationConfig]]:
    """Yield the objective and rule of each of the table's lines."""
    by_name = {(curve.objective.name, curve.label): curve for curve in chosen}
    for line in lines:
        curve = by_name[columns["objective"][line], columns["rule"][line]]
        clip = ClipConfig(low=float(columns["low"][line]), high=float(columns["high"][line]))
        yield replace(curve.objective, clip=clip), curve.segmentation
