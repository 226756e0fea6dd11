"""Sample responses for people to read: pieces, cuts, entropy, and the ratio and clipping that one more update would see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from sspo.config import ObjectiveConfig, TrainConfig
from sspo.objective.bounds import clip_bounds
from sspo.objective.clip import TERMS
from sspo.objective.ratio import partition, segment_mean, surrogate_log_ratio
from sspo.policy import Policy
from sspo.segmentation.texts import token_texts
from sspo.trainer.forward import token_logp
from sspo.types import Batch, EntropyStats

SAMPLES = 4


@torch.no_grad()
def sample_rows(
    config: TrainConfig,
    objective: ObjectiveConfig,
    policy: Policy,
    batch: Batch,
    stats: EntropyStats | None,
    number: int,
) -> Iterator[dict[str, Any]]:
    """Lines for samples.jsonl: a response to each of the rollout's first prompts, under the policy after its last update and the
    objective whose bounds that update used. `texts` are what each token adds to the response, `pieces` each token decoded
    alone."""
    first_of_prompt = torch.arange(0, len(batch.mask_BT), config.rollout.responses)[:SAMPLES]
    part = batch.rows(first_of_prompt.to(batch.mask_BT.device))
    logp_BT = token_logp(policy.model, part, config.rollout.temperature)
    d_BT = torch.where(part.mask_BT, logp_BT - part.old_logp_BT, 0.0)
    level_id_BT = partition(objective.ratio, part.segment_id_BT, part.mask_BT)
    low_BT, high_BT = clip_bounds(
        part.entropy_BT, part.segment_id_BT, part.mask_BT, objective.clip, objective.bounds, stats
    )
    log_ratio_BT = surrogate_log_ratio(d_BT, level_id_BT, part.mask_BT)
    clipped = TERMS[objective.term](log_ratio_BT, part.advantage_BT, low_BT, high_BT)
    flag_BT = clipped.clipped_low_BT | clipped.clipped_high_BT
    entropy_BT = segment_mean(part.entropy_BT, part.segment_id_BT, part.mask_BT)
    for i, mask_T in enumerate(part.mask_BT):
        ids = part.response_BT[i][mask_T].tolist()
        yield {
            "rollout": number,
            "row": i,
            "prompt": policy.tokenizer.decode(part.prompt_BL[i][part.prompt_mask_BL[i]]),
            "pieces": [policy.tokenizer.decode([token]) for token in ids],
            "texts": token_texts(ids, policy.tokenizer),
            "segment_ids": part.segment_id_BT[i][mask_T].tolist(),
            "advantage": float(part.advantage_BT[i, 0]),
            "segment_entropy": [round(x, 5) for x in entropy_BT[i][mask_T].tolist()],
            "log_ratio": [round(x, 6) for x in log_ratio_BT[i][mask_T].tolist()],
            "clipped": flag_BT[i][mask_T].tolist(),
        }
