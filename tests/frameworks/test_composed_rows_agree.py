"""Published rows that neither framework has, put together from calls of verl's own losses: value and gradient.

verl's GSPO is called segment by segment or prompt by prompt, its PPO loss position by position, and its CISPO on the tokens
that its PPO loss clips.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch

from tests.frameworks.agreements import VERL, amended
from tests.frameworks.batch import GROUP, WIDTH, Batch, ragged
from tests.frameworks.losses import VerlLoss
from tests.frameworks.ours import ours
from tests.frameworks.result import Result, assert_equal, assert_equal_gradients
from tests.frameworks.verl_losses import verl

SEEDS = range(5)
TOLERANCE = 1e-7
TOKENS = 65_536


def by_segment(batch: Batch, loss_of: Callable[[Batch], VerlLoss], weight_BT: torch.Tensor) -> Result:
    """The sum over segments of verl's GSPO loss with the segment as the response, times its tokens' weights."""
    value, grad_BT = 0.0, torch.zeros_like(batch.logp_BT)
    for row in range(len(batch.mask_BT)):
        ids_T = batch.segment_id_BT[row]
        for segment in ids_T[batch.mask_BT[row]].unique():
            mask_BT = (ids_T == segment)[None]
            alone = dataclasses.replace(batch.rows(row, row + 1), mask_BT=mask_BT)
            part, weight = verl(loss_of(alone), alone), float(weight_BT[row][mask_BT[0]].sum())
            value += weight * part.value
            grad_BT[row] += weight * part.grad_BT[0]
    return Result(value=value, grad_BT=grad_BT)


def test_lpo_is_verls_gspo_of_each_segment():
    """A token weighs one over its prompt's tokens."""
    loss = amended(VERL["gspo"], clip_ratio_low=0.03, clip_ratio_high=0.03)
    for seed in SEEDS:
        batch = ragged(seed)
        tokens_P = batch.mask_BT.sum(1).reshape(-1, GROUP).sum(1).double()
        weight_B = (1 / tokens_P / len(tokens_P)).repeat_interleave(GROUP)
        theirs = by_segment(batch, lambda _: loss, weight_B[:, None].expand(batch.mask_BT.shape))
        mine = ours("lpo", batch, group=GROUP)
        assert 0.05 < mine.metrics["policy/clip_frac"] < 0.95
        assert_equal(mine, theirs, TOLERANCE)


def test_espo_is_verls_gspo_of_each_entropy_group():
    """Two groups per response, tokens above and below its mean entropy: neither is contiguous, and each weighs the same."""
    for seed in SEEDS:
        batch = ragged(seed)
        length_B = batch.mask_BT.sum(1, keepdim=True)
        mean_B = (batch.entropy_BT * batch.mask_BT).sum(1, keepdim=True) / length_B
        above_BT = batch.entropy_BT > mean_B
        id_BT = torch.where(
            batch.mask_BT, (above_BT != above_BT[:, :1]).long(), -1
        )  # the first token's group is 0
        batch = dataclasses.replace(batch, segment_id_BT=id_BT)
        size_BT = torch.stack([(id_BT == 0).sum(1), (id_BT == 1).sum(1)], 1).gather(1, id_BT.clamp(min=0))
        weight_BT = 1 / (size_BT * (id_BT.amax(1, keepdim=True) + 1) * len(id_BT))

        def loss_of(alone: Batch) -> VerlLoss:
            bound = 0.02 * float(alone.entropy_BT[alone.mask_BT].mean()) / math.log(TOKENS)
            return amended(VERL["gspo"], clip_ratio_low=bound, clip_ratio_high=bound)

        mine = ours("espo", batch, vocabulary=TOKENS)
        assert 0.05 < mine.metrics["policy/clip_frac"] < 0.95
        assert_equal(mine, by_segment(batch, loss_of, weight_BT), TOLERANCE)


def by_prompt(batch: Batch, losses: list[VerlLoss]) -> Result:
    """The mean over prompts of one loss of verl's each."""
    parts = [
        verl(loss, batch.rows(start, start + GROUP))
        for loss, start in zip(losses, range(0, len(batch.mask_BT), GROUP), strict=True)
    ]
    return Result(
        value=sum(part.value for part in parts) / len(parts),
        grad_BT=torch.cat([part.grad_BT for part in parts]) / len(parts),
    )


def test_gapo_is_verls_gspo_with_each_prompts_own_upper_bound():
    seen = set()
    for seed in SEEDS:
        batch = ragged(seed)
        right_P = (batch.advantage_BT[:, 0] > 0).reshape(-1, GROUP).sum(1).tolist()
        seen.update(right_P)
        high_P = [3e-3 + (5e-3 - 3e-3) * (GROUP - right) / (GROUP - 1) for right in right_P]
        losses = [amended(VERL["gspo"], clip_ratio_low=3e-3, clip_ratio_high=high) for high in high_P]
        assert_equal(ours("gapo", batch, group=GROUP), by_prompt(batch, losses), TOLERANCE)
    assert {1, 2, 3} <= seen


def test_ctpo_is_verls_ppo_with_each_positions_own_bounds():
    """verl's ratio of a token is the prefix's, where the old log-probability is the new one less the prefix's sum."""
    for seed in SEEDS:
        batch = ragged(seed, spread=0.1)
        d_BT = torch.where(batch.mask_BT, batch.logp_BT - batch.old_logp_BT, 0.0)
        prefix = dataclasses.replace(batch, old_logp_BT=batch.logp_BT - d_BT.cumsum(1))
        parts = []
        for t in range(WIDTH):
            column = Batch(**{name: value[:, t : t + 1] for name, value in vars(prefix).items()})
            scale = math.sqrt(t + 1)
            loss = amended(
                VERL["dapo"],
                clip_ratio_low=1 - math.exp(-0.025 * scale),
                clip_ratio_high=math.exp(0.05 * scale) - 1,
                clip_ratio_c=math.exp(0.05 * scale),
            )
            parts.append(verl(loss, column, whole=batch))
        theirs = Result(
            value=sum(part.value for part in parts), grad_BT=torch.cat([part.grad_BT for part in parts], 1)
        )
        mine = ours("ctpo", batch, group=GROUP)
        assert_equal(mine, theirs, TOLERANCE)
        tokens_T = batch.mask_BT.sum(0).tolist()
        clipped = sum(
            tokens * (part.metrics["actor/pg_clipfrac"] + part.metrics["actor/pg_clipfrac_lower"])
            for tokens, part in zip(tokens_T, parts, strict=True)
        ) / sum(tokens_T)
        assert 0.05 < clipped < 0.95
        assert mine.metrics["policy/clip_frac"] == pytest.approx(clipped, abs=1e-6)


def test_ce_gppos_gradient_is_verls_ppo_plus_cispo_on_the_tokens_that_it_clips():
    """CISPO's weights are the bounds there; the paper keeps .75 of the gradient below and all of it above."""
    for seed in SEEDS:
        batch = ragged(seed)
        ratio_BT = (batch.logp_BT - batch.old_logp_BT).exp()
        low_BT = (batch.advantage_BT < 0) & (ratio_BT < 0.8)
        high_BT = (batch.advantage_BT > 0) & (ratio_BT > 1.2)
        assert bool((low_BT & batch.mask_BT).any())
        assert bool((high_BT & batch.mask_BT).any())
        capped = amended(VERL["cispo"], clip_ratio_low=0.2, clip_ratio_high=0.2)
        clip = amended(VERL["dapo"], clip_ratio_high=0.2)
        parts = verl(clip, batch), verl(capped, batch, weight_BT=0.75 * low_BT + 1.0 * high_BT)
        theirs = Result(value=math.nan, grad_BT=parts[0].grad_BT + parts[1].grad_BT)
        assert_equal_gradients(ours("ce_gppo", batch), theirs, TOLERANCE)
