"""Small recorded rollouts for tests: ragged, off policy, with any advantages; every draw from one seed."""

from __future__ import annotations

import torch

from sspo.objective.advantage import group_norm
from sspo.recording.recorded import RecordedRollout, join_visits
from sspo.types import Batch, Score

PROMPTS, RESPONSES, TOKENS, UPDATES = 3, 4, 9, 3


def recorded_rollout(seed: int, *, epochs: int = 1, spread: float = 0.4) -> RecordedRollout:
    """Twelve responses of one to nine tokens; a fifth of the tokens do not move, so that ratios of exactly 1 occur."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    rows = PROMPTS * RESPONSES
    length_B = torch.randint(1, TOKENS + 1, (rows,), generator=generator)
    mask_BT = torch.arange(TOKENS) < length_B[:, None]
    cut_BT = (draw(rows, TOKENS) < 0.3).long()
    segment_id_BT = torch.where(mask_BT, cut_BT.cumsum(1) - cut_BT, -1)
    old_BT = torch.where(mask_BT, -3 * draw(rows, TOKENS), 0.0)
    reward_PG = (draw(PROMPTS, RESPONSES) < 0.5).float()
    steps = [
        row_b
        for _ in range(epochs)
        for row_b in torch.randperm(rows, generator=generator).split(rows // UPDATES)
    ]
    visits = []
    for update, row_b in enumerate(steps):
        moved_bT = (draw(len(row_b), TOKENS) < 0.8) & mask_BT[row_b]
        drift_bT = spread * update * (2 * draw(len(row_b), TOKENS) - 1)
        visits.append((row_b, old_BT[row_b] + torch.where(moved_bT, drift_bT, 0.0)))
    batch = Batch(
        prompt_BL=torch.full((rows, 2), 7).masked_fill(torch.tensor([True, False]), 0),
        prompt_mask_BL=torch.tensor([[False, True]]).expand(rows, 2),
        response_BT=torch.where(mask_BT, torch.randint(3, 40, (rows, TOKENS), generator=generator), 0),
        mask_BT=mask_BT,
        advantage_BT=group_norm(reward_PG).flatten()[:, None] * mask_BT,
        segment_id_BT=segment_id_BT,
        old_logp_BT=old_BT,
        entropy_BT=torch.where(mask_BT, 2 * draw(rows, TOKENS), 0.0),
    )
    return RecordedRollout(
        number=4,
        first_step=13,
        clip_scale=1.0,
        problem_ids=("train/a", "train/b", "train/c"),
        scores=tuple(Score(value=v, status="ok" if v else "wrong") for v in reward_PG.flatten().tolist()),
        batch=batch,
        visits=join_visits(visits),
    )
