"""A recorded rollout as one Parquet file, with one row per visit, readable by any data-frame library.

    update, row            the optimizer step of the rollout and the response that it visited
    problem, prompt        the problem's id and its prompt's token ids
    reward, status         the response's score
    advantage              of every token of the response
    token, cut             token ids; True on the last token of a segment, and before a token of a different one
    segment                the segment of each token; only if the rule groups tokens that are not neighbors
    old_logp, entropy      nats, under the policy that sampled
    logp                   nats, under the policy right before the optimizer step
    reference_logp         nats, under the base model; only with a KL penalty
    sampler_logp           nats, from the sampler; only with truncated or masked importance sampling, or rollout.engine=vllm

A visit takes slightly more than sixteen bytes per token before compression. The file carries a hash of its content, so that
damage is refused instead of replayed.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from sspo.errors import UserError
from sspo.objective.ratio import ids_from_cuts
from sspo.recording.recorded import RecordedRollout, Visits
from sspo.types import Batch, Score, TokenExtras

FORMAT = 1
KEY = b"sspo.recording"
PLAIN = {
    "update": pa.int16(),
    "row": pa.int32(),
    "problem": pa.string(),
    "reward": pa.float64(),
    "status": pa.string(),
    "advantage": pa.float32(),
}
LISTS = {
    "prompt": pa.int32(),
    "token": pa.int32(),
    "cut": pa.bool_(),
    "old_logp": pa.float32(),
    "entropy": pa.float32(),
    "logp": pa.float32(),
}
SEGMENT = "segment"
"""List of a run whose segments are not those of its cuts."""
OPTIONAL = ("reference_logp", "sampler_logp")
"""Lists of a run with a KL penalty, or whose sampler is compared with the trainer: nats, under the base model and from
the sampler.
"""
FLOATS = ("old_logp", "entropy", "logp")


def to_bytes(recorded: RecordedRollout) -> bytes:
    """Return the rollout as the content of a Parquet file."""
    table = _table(recorded)
    head = {
        "format": FORMAT,
        "rollout": recorded.number,
        "first_step": recorded.first_step,
        "clip_scale": recorded.clip_scale,
        "problems": list(recorded.problem_ids),
    }
    text = json.dumps({**head, "sha256": _digest(head, table)})
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata({KEY: text}),
        buffer,
        compression="zstd",
        compression_level=1,
        use_dictionary=["problem", "status", "prompt.list.element", "token.list.element"],
        column_encoding={
            f"{name}.list.element": "BYTE_STREAM_SPLIT"
            for name in (*FLOATS, *_optional(table))
            if name != SEGMENT
        },
    )
    return buffer.getvalue()


def read_recorded(path: Path) -> RecordedRollout:
    """Return the rollout of a file. Raises UserError if it is damaged, truncated, or not a recording of this format."""
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(use_threads=False)
        head = json.loads((table.schema.metadata or {})[KEY])
        whole = head["format"] == FORMAT and head.pop("sha256") == _digest(head, table)
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise UserError(
            f"{path} is not a complete recording: it is damaged or truncated; train its run again in another run.store"
        ) from error
    if not whole:
        raise UserError(
            f"{path} is damaged or in a different format (its content does not match its own hash, or its format is not {FORMAT}); "
            "train its run again in another run.store"
        )
    return _recorded(head, table)


def _table(recorded: RecordedRollout) -> pa.Table:
    batch, visits = recorded.batch, recorded.visits
    row_N = visits.row_N.cpu()
    responses = len(batch.mask_BT) // len(recorded.problem_ids)
    scores = [recorded.scores[i] for i in row_N.tolist()]
    mask_NT = batch.mask_BT.cpu()[row_N]
    prompt_mask_NL = batch.prompt_mask_BL.cpu()[row_N]
    ids_BT = batch.segment_id_BT
    following_BT = torch.cat([ids_BT[:, 1:], torch.full_like(ids_BT[:, :1], -1)], 1)
    cut_BT = ids_BT != following_BT
    of_rows = {
        "token": batch.response_BT,
        "cut": cut_BT,
        "old_logp": batch.old_logp_BT,
        "entropy": batch.entropy_BT,
    }
    columns: dict[str, Any] = {
        "update": visits.update_N.cpu().numpy(),
        "row": row_N.numpy(),
        "problem": [recorded.problem_ids[i // responses] for i in row_N.tolist()],
        "reward": [score.value for score in scores],
        "status": [score.status for score in scores],
        "advantage": batch.advantage_BT.cpu()[row_N, 0].numpy(),
        "prompt": _lists(batch.prompt_BL.cpu()[row_N], prompt_mask_NL, LISTS["prompt"]),
        "logp": _lists(visits.logp_NT.cpu(), mask_NT, LISTS["logp"]),
    }
    for name, value_BT in of_rows.items():
        columns[name] = _lists(value_BT.cpu()[row_N], mask_NT, LISTS[name])
    types = {**PLAIN, **{name: pa.list_(kind) for name, kind in LISTS.items()}}
    more = {name: (getattr(batch.extras, f"{name}_BT"), pa.float32()) for name in OPTIONAL}
    if not torch.equal(ids_from_cuts(cut_BT, batch.mask_BT), ids_BT):
        more[SEGMENT] = (ids_BT, pa.int32())
    for name, (more_BT, kind) in more.items():
        if more_BT is not None:
            types[name] = pa.list_(kind)
            columns[name] = _lists(more_BT.cpu()[row_N], mask_NT, kind)
    return pa.table(
        {
            name: pa.array(columns[name], kind) if name in PLAIN else columns[name]
            for name, kind in types.items()
        }
    )


def _lists(value_NT: torch.Tensor, mask_NT: torch.Tensor, kind: pa.DataType) -> pa.ListArray:
    """Return the values on the mask, one list per row."""
    offsets = np.zeros(len(mask_NT) + 1, np.int32)
    offsets[1:] = mask_NT.sum(1).cumsum(0).numpy()
    return pa.ListArray.from_arrays(offsets, pa.array(value_NT[mask_NT].numpy(), kind))


def _digest(head: dict[str, Any], table: pa.Table) -> str:
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for name in (*PLAIN, *LISTS, *_optional(table)):
        column = table.column(name).combine_chunks()
        if column.null_count:
            raise pa.ArrowInvalid(f"{name} has a null")
        if name not in PLAIN:
            digest.update(_lengths(column).tobytes())
            digest.update(_array(column.flatten()).tobytes())
        elif pa.types.is_string(column.type):
            digest.update("\0".join(column.to_pylist()).encode())
        else:
            digest.update(_array(column).tobytes())
    return digest.hexdigest()


def _optional(table: pa.Table) -> list[str]:
    return [name for name in (*OPTIONAL, SEGMENT) if name in table.column_names]


def _array(column: pa.Array) -> np.ndarray:
    """Return numbers or truth values as an array. Raises ArrowException if one is null. Arrow's own conversion would
    import pandas.
    """
    if column.null_count:
        raise pa.ArrowInvalid("a value is null")
    if pa.types.is_boolean(column.type):
        return _array(column.cast(pa.uint8())).astype(bool)
    kind = column.type.to_pandas_dtype()
    if len(column) == 0:
        return np.empty(0, kind)
    return np.frombuffer(column.buffers()[1], kind)[column.offset : column.offset + len(column)]


def _lengths(column: pa.ListArray) -> np.ndarray:
    return np.diff(_array(column.offsets))


def _recorded(head: dict[str, Any], table: pa.Table) -> RecordedRollout:
    """Return the tensors of the table; a row of the batch is that of its first visit."""
    optional = _optional(table)
    lists = {name: table.column(name).combine_chunks() for name in (*LISTS, *optional)}
    row_N = _tensor(table, "row")
    rows = int(row_N.max()) + 1
    first_B = torch.full((rows,), len(row_N)).scatter_reduce(0, row_N, torch.arange(len(row_N)), "amin")
    mask_NT, padded = _padded(lists, ("token", "cut", "old_logp", "entropy", "logp", *optional), left=False)
    prompt_mask_NL, prompts = _padded(lists, ("prompt",), left=True)
    mask_BT = mask_NT[first_B]
    if SEGMENT in optional:
        id_BT = padded[SEGMENT][first_B].long().where(mask_BT, -1)
    else:
        id_BT = ids_from_cuts(padded["cut"][first_B], mask_BT)
    advantage_B = _tensor(table, "advantage").float()[first_B]
    batch = Batch(
        prompt_BL=prompts["prompt"].long()[first_B],
        prompt_mask_BL=prompt_mask_NL[first_B],
        response_BT=padded["token"].long()[first_B],
        mask_BT=mask_BT,
        advantage_BT=advantage_B[:, None] * mask_BT,
        segment_id_BT=id_BT,
        old_logp_BT=padded["old_logp"][first_B],
        entropy_BT=padded["entropy"][first_B],
        extras=TokenExtras(**{f"{name}_BT": padded[name][first_B] for name in optional if name in OPTIONAL}),
    )
    rewards, statuses = table.column("reward").to_pylist(), table.column("status").to_pylist()
    return RecordedRollout(
        number=head["rollout"],
        first_step=head["first_step"],
        clip_scale=head["clip_scale"],
        problem_ids=tuple(head["problems"]),
        scores=tuple(Score(value=rewards[i], status=statuses[i]) for i in first_B.tolist()),
        batch=batch,
        visits=Visits(row_N=row_N, update_N=_tensor(table, "update"), logp_NT=padded["logp"]),
    )


def _tensor(table: pa.Table, name: str) -> torch.Tensor:
    tensor = torch.from_numpy(_array(table.column(name).combine_chunks()).copy())
    return tensor if tensor.is_floating_point() else tensor.long()


def _padded(
    lists: dict[str, pa.ListArray], names: tuple[str, ...], *, left: bool
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return (mask_NT, padded columns) of list columns of equal lengths; zero off the mask."""
    length_N = torch.from_numpy(_lengths(lists[names[0]]))
    width = max(int(length_N.max()), 1)
    mask_NT = torch.arange(width) < length_N[:, None]
    if left:
        mask_NT = mask_NT.flip(1)
    padded = {}
    for name in names:
        flat = torch.from_numpy(_array(lists[name].flatten()).copy())
        padded[name] = torch.zeros(mask_NT.shape, dtype=flat.dtype)
        padded[name][mask_NT] = flat
    return mask_NT, padded
