"""A rollout in verl's TransferQueue: read whole by the trainer, prepared once, and written back as columns of its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
import transfer_queue as tq
from verl.workers.utils.padding import response_to_nested

from sspo.errors import UserError
from sspo.integrations.verl.job.columns import ENTROPY, OLD_LOGP, REFERENCE, columns_of
from sspo.integrations.verl.job.order import order_of_answers
from sspo.integrations.verl.names import NAME
from sspo.rollout.transformers import left_pad
from sspo.types import UNGRADED, Batch, Score, TokenExtras

FIELDS = ("prompts", "responses", "response_mask", OLD_LOGP, ENTROPY, "rm_scores", "index", "extra_fields")
SAMPLER = "rollout_log_probs"


@dataclass(frozen=True, kw_only=True)
class Read:
    """A rollout as verl's queue holds it, in the order of the data's prompts; row i answers prompt i // G."""

    keys: list[str]
    """verl's key of each row."""
    mask: torch.Tensor
    """verl's response mask, nested: the shape of every column."""
    batch: Batch
    """Without advantages and segments."""
    scores: list[Score]
    prompts: list[str]
    """What tells the prompts apart: our problem's id in a trial, or verl's number of the row in the data."""


def read(meta: Any, group: int, prompts: int, *, reference: bool, sampler: bool) -> Read:
    """Return the rollout of so many prompts with `group` responses each. Raises RuntimeError if responses are missing."""
    keys = sorted_keys(meta, group, prompts)
    fields = [*FIELDS, *([REFERENCE] if reference else []), *([SAMPLER] if sampler else [])]
    data = tq.kv_batch_get(
        keys=[key for key, _ in keys], partition_id=meta.partition_id, select_fields=fields
    )
    mask = data["response_mask"]
    _check_gapless(mask)
    infos = [_info(one) for one in listed(data["extra_fields"])]
    rewards = data["rm_scores"].to_padded_tensor(0).sum(1).tolist()
    return Read(
        keys=[key for key, _ in keys],
        mask=mask,
        batch=_batch(data, reference=reference, sampler=sampler),
        scores=[_score(value, info) for value, info in zip(rewards, infos, strict=True)],
        prompts=[str(infos[i].get("problem", keys[i][1])) for i in range(0, len(keys), group)],
    )


def sorted_keys(meta: Any, group: int, prompts: int) -> list[tuple[str, int]]:
    """Return verl's keys, `uid_session_output`, with the data's number of their prompt, in the order of the data."""
    data = tq.kv_batch_get(keys=meta.keys, partition_id=meta.partition_id, select_fields=["index"])
    numbers = [int(one) for one in listed(data["index"])]
    order = order_of_answers(meta.keys, meta.tags, numbers, group * prompts)
    return [(meta.keys[i], numbers[i]) for i in order]


def listed(values: Any) -> list[Any]:
    """Return one plain value per row of what the queue gives for a column that is no nested tensor."""
    return list(values)


def _info(extra: Any) -> Mapping[str, Any]:
    """Return what our agent loop told of a row; nothing of another one's."""
    told = (extra.get("reward_extra_info") or {}).get(NAME)
    return {} if told is None else json.loads(told)


def _score(value: float, info: Mapping[str, Any]) -> Score:
    """Return a row's score; a reward function of verl's gives a number and no status."""
    if "status" not in info:
        return Score(value=value, status=UNGRADED)
    return Score(
        value=float(info["value"]),
        status=str(info["status"]),
        parts=tuple((str(name), float(part)) for name, part in info["parts"]),
        second=info["second"],
    )


def _check_gapless(mask: torch.Tensor) -> None:
    """Raise UserError for responses with tokens that the policy did not sample: segments are read without a gap."""
    if not bool((mask.values() == 1).all()):
        raise UserError(
            "responses hold tokens that the policy did not sample (of a tool, or of an environment), and segmentation reads responses "
            "without a gap: use an agent loop of one turn"
        )


def _batch(data: Any, *, reference: bool, sampler: bool) -> Batch:
    mask_BT = data["response_mask"].to_padded_tensor(0).bool()
    prompt_BL, prompt_mask_BL = left_pad([ids.tolist() for ids in data["prompts"].unbind()], 0)
    extras = TokenExtras()
    if reference:
        extras = replace(extras, reference_logp_BT=data[REFERENCE].to_padded_tensor(0).float())
    if sampler:
        extras = replace(extras, sampler_logp_BT=data[SAMPLER].to_padded_tensor(0).float())
    return Batch(
        prompt_BL=prompt_BL,
        prompt_mask_BL=prompt_mask_BL,
        response_BT=data["responses"].to_padded_tensor(0),
        mask_BT=mask_BT,
        advantage_BT=torch.zeros(mask_BT.shape),
        segment_id_BT=mask_BT.long() - 1,
        old_logp_BT=data[OLD_LOGP].to_padded_tensor(0).float(),
        entropy_BT=data[ENTROPY].to_padded_tensor(0).float(),
        extras=extras,
    )


def write(read_: Read, batch: Batch, meta: Any) -> Any:
    """Give every row of the rollout its columns of the prepared batch. Return verl's metadata, which names them from now on."""
    from tensordict import TensorDict

    columns = {name: response_to_nested(value, read_.mask) for name, value in columns_of(batch).items()}
    # verl's own metrics ask for returns, which are the advantages without a critic
    columns["returns"] = columns["advantages"].clone()
    return tq.kv_batch_put(
        keys=read_.keys,
        partition_id=meta.partition_id,
        fields=TensorDict(columns, batch_size=len(read_.keys)),
    )
