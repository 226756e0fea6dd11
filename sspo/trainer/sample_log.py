"""Sample responses for people to read: pieces, cuts, entropy, and the ratio and clipping of a hypothetical further
update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from sspo.config import ObjectiveConfig, TrainConfig
from sspo.objective.micro_batch import part_surrogate, step_context
from sspo.objective.ratio import mean_of_segment
from sspo.recording.recorded import RecordedRollout
from sspo.segmentation.token_text import token_texts
from sspo.types import Batch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SAMPLES = 4


@torch.no_grad()
def sample_rows(
    config: TrainConfig,
    objective: ObjectiveConfig,
    tokenizer: PreTrainedTokenizerFast,
    token_logp: Callable[[Batch, float], torch.Tensor],
    recorded: RecordedRollout,
) -> Iterator[dict[str, Any]]:
    """Yield lines of samples.jsonl: one response to each of the rollout's first prompts, under the policy after its
    last update and the objective whose bounds that update used. `texts` are the texts that each token adds to the
    response, `pieces` each token decoded alone. `token_logp` is a policy's forward pass: (rows, temperature) -> logp_BT.
    """
    batch, reward_B = recorded.batch, recorded.rewards().flatten().tolist()
    row_b = torch.arange(0, len(batch.mask_BT), config.rollout.responses)[:SAMPLES].to(batch.mask_BT.device)
    part = batch.rows(row_b)
    logp_BT = token_logp(part, config.rollout.temperature)
    context = step_context(batch, row_b, config.rollout.max_tokens)
    clipped = part_surrogate(logp_BT, part, objective, context).clipped
    flag_BT = clipped.clipped_low_BT | clipped.clipped_high_BT
    entropy_BT = mean_of_segment(part.entropy_BT, part.segment_id_BT, part.mask_BT)
    for i, mask_T in enumerate(part.mask_BT):
        row, ids = int(row_b[i]), part.response_BT[i][mask_T].tolist()
        yield {
            "rollout": recorded.number,
            "row": i,
            "prompt": tokenizer.decode(part.prompt_BL[i][part.prompt_mask_BL[i]]),
            "pieces": [tokenizer.decode([token]) for token in ids],
            "texts": token_texts(ids, tokenizer),
            "segment_ids": part.segment_id_BT[i][mask_T].tolist(),
            "reward": reward_B[row],
            "status": recorded.scores[row].status,
            "advantage": float(part.advantage_BT[i, 0]),
            "segment_entropy": [round(x, 5) for x in entropy_BT[i][mask_T].tolist()],
            "log_ratio": [round(x, 6) for x in clipped.log_ratio_BT[i][mask_T].tolist()],
            "clipped": flag_BT[i][mask_T].tolist(),
        }
