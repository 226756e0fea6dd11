"""Seeded ragged batches: the tensors that our loss and a foreign one are both called with."""

from __future__ import annotations

from dataclasses import dataclass

import torch

WIDTH = 9
"""Padded response length; also the token limit that Dr.GRPO's constant stands for."""
GROUP = 4
"""Responses per prompt."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What every policy loss takes. Off the mask there are values that must not matter."""

    logp_BT: torch.Tensor
    old_logp_BT: torch.Tensor
    advantage_BT: torch.Tensor
    mask_BT: torch.Tensor
    segment_id_BT: torch.Tensor
    entropy_BT: torch.Tensor

    def rows(self, start: int, end: int) -> Batch:
        """A micro-batch, padding kept."""
        return Batch(**{name: value[start:end] for name, value in vars(self).items()})


def ragged(seed: int, *, prompts: int = 3, spread: float = 0.7) -> Batch:
    """Responses of 1 to WIDTH tokens, log-ratios of sd `spread` with a tail, advantages of both signs and zero."""
    generator = torch.Generator().manual_seed(seed)
    rows = prompts * GROUP

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    length_B = torch.randint(2, WIDTH, (rows,), generator=generator)
    length_B[:2] = torch.tensor([WIDTH, 1])
    mask_BT = torch.arange(WIDTH) < length_B[:, None]
    old_BT = -draw(rows, WIDTH).abs()
    tail_BT = torch.where(torch.rand(rows, WIDTH, generator=generator) < 0.1, 3.0, 1.0)
    advantage_B = draw(rows)
    advantage_B[5] = 0.0
    cut_BT = (torch.rand(rows, WIDTH, generator=generator) < 0.3).long()
    return Batch(
        logp_BT=torch.where(mask_BT, old_BT + spread * tail_BT * draw(rows, WIDTH), -7.0),
        old_logp_BT=torch.where(mask_BT, old_BT, 3.0),
        advantage_BT=advantage_B[:, None].expand(rows, WIDTH),
        mask_BT=mask_BT,
        segment_id_BT=torch.where(mask_BT, cut_BT.cumsum(1) - cut_BT[:, :1], -1),
        entropy_BT=draw(rows, WIDTH).abs(),
    )


def by_hand(d: list[list[float]], advantages: list[float], lengths: list[int] | None = None) -> Batch:
    """A batch of given token log-ratios from logp_old = -1; rows shorter than the longest are padded."""
    width = max(map(len, d))
    lengths = lengths or [len(row) for row in d]
    d_BT = torch.tensor([[*row, *[0.0] * (width - len(row))] for row in d], dtype=torch.float64)
    mask_BT = torch.arange(width) < torch.tensor(lengths)[:, None]
    return Batch(
        logp_BT=d_BT - 1,
        old_logp_BT=torch.full_like(d_BT, -1.0),
        advantage_BT=torch.tensor(advantages, dtype=torch.float64)[:, None].expand_as(d_BT),
        mask_BT=mask_BT,
        segment_id_BT=torch.where(mask_BT, 0, -1),
        entropy_BT=torch.ones_like(d_BT),
    )


def rewards(seed: int, *, prompts: int = 5) -> torch.Tensor:
    """reward_PG: graded rewards, one group of right and wrong answers, one of equal rewards."""
    generator = torch.Generator().manual_seed(seed)
    reward_PG = torch.rand(prompts, GROUP, generator=generator, dtype=torch.float64)
    reward_PG[0] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    reward_PG[1] = 0.1
    return reward_PG
