"""Sample responses for people to read: pieces, cuts, entropy, and the ratio and clipping of a hypothetical further
update.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from sspo.config import ObjectiveConfig, TrainConfig
from sspo.models.forward import Forward
from sspo.models.policy import Policy
from sspo.objective.micro_batch import part_surrogate, step_context
from sspo.objective.ratio import segment_mean
from sspo.segmentation.token_text import token_texts
from sspo.trainer.collect import Collected

SAMPLES = 4


@torch.no_grad()
def sample_rows(
    config: TrainConfig,
    objective: ObjectiveConfig,
    policy: Policy,
    forward: Forward,
    collected: Collected,
    number: int,
) -> Iterator[dict[str, Any]]:
    """Yield lines of samples.jsonl: one response to each of the rollout's first prompts, under the policy after its
    last update and the objective whose bounds that update used. `texts` are the texts that each token adds to the
    response, `pieces` each token decoded alone.
    """
    batch, reward_B = collected.batch, collected.reward_PG.flatten().tolist()
    row_b = torch.arange(0, len(batch.mask_BT), config.rollout.responses)[:SAMPLES].to(batch.mask_BT.device)
    part = batch.rows(row_b)
    logp_BT = forward.token_logp(part, config.rollout.temperature)
    context = step_context(batch, row_b, config.rollout.max_tokens)
    clipped = part_surrogate(logp_BT, part, objective, context).clipped
    flag_BT = clipped.clipped_low_BT | clipped.clipped_high_BT
    entropy_BT = segment_mean(part.entropy_BT, part.segment_id_BT, part.mask_BT)
    for i, mask_T in enumerate(part.mask_BT):
        row, ids = int(row_b[i]), part.response_BT[i][mask_T].tolist()
        yield {
            "rollout": number,
            "row": i,
            "prompt": policy.tokenizer.decode(part.prompt_BL[i][part.prompt_mask_BL[i]]),
            "pieces": [policy.tokenizer.decode([token]) for token in ids],
            "texts": token_texts(ids, policy.tokenizer),
            "segment_ids": part.segment_id_BT[i][mask_T].tolist(),
            "reward": reward_B[row],
            "status": collected.scores[row].status,
            "advantage": float(part.advantage_BT[i, 0]),
            "segment_entropy": [round(x, 5) for x in entropy_BT[i][mask_T].tolist()],
            "log_ratio": [round(x, 6) for x in clipped.log_ratio_BT[i][mask_T].tolist()],
            "clipped": flag_BT[i][mask_T].tolist(),
        }
