"""The grad_noise column: gradients need a model, so it is filled only where a checkpoint was kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError

from sspo.config import ClipConfig, ObjectiveConfig, SegmentationConfig
from sspo.console.progress import Counter
from sspo.errors import UserError
from sspo.recording.file import read_recorded
from sspo.recording.recorded import RecordedRollout
from sspo.replay.evaluate import segment_ids
from sspo.replay.noise import gradient_noise, parts_of
from sspo.replay.request import Curve, Request, curves
from sspo.replay.source import RecordedRun
from sspo.runs.runlog import rollout_of
from sspo.trainer.checkpoint import load_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def add_noise(
    table: pa.Table,
    runs: Sequence[RecordedRun],
    request: Request,
    model_of: Callable[[RecordedRun], PreTrainedModel],
) -> tuple[pa.Table, int]:
    """Fill grad_noise where a run's checkpoint belongs to a recorded rollout; returns over how many parts of a rollout.

    Matched points are measured where there are any, all points otherwise.
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
            model = model_of(run)
            _load(saved, model)
            lines = np.flatnonzero(here)
            points = list(_points(columns, lines, curves(request, run.config, recorded.clip_scale)))
            cut = [(objective, segment_ids(run, recorded, rule)) for objective, rule in points]
            values = gradient_noise(model, recorded, cut, run.config)
            noise[lines] = [math.nan if value is None else value for value in values]
            parts = max(parts, parts_of(recorded))
            tick()
    place = table.column_names.index("grad_noise")
    return table.set_column(place, "grad_noise", pa.array(noise, mask=np.isnan(noise))), parts


def _last_recorded(run: RecordedRun) -> tuple[RecordedRollout, Path] | None:
    """The recorded rollout that the run's checkpoint came right after, and the checkpoint."""
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
    """The objective and rule of each of the table's lines."""
    by_name = {(curve.objective.name, curve.label): curve for curve in chosen}
    for line in lines:
        curve = by_name[columns["objective"][line], columns["rule"][line]]
        clip = ClipConfig(low=float(columns["low"][line]), high=float(columns["high"][line]))
        yield replace(curve.objective, clip=clip), curve.segmentation
