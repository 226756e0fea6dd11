"""Counts over a grid of bounds: by hand, and equal to what the loss itself reports at every bound."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from sspo.config import BoundsConfig, ClipConfig
from sspo.objective.context import prepared
from sspo.objective.micro_batch import part_loss, step_context
from sspo.objective.variants import VARIANTS
from sspo.recording.ratios import visit_ratios
from sspo.recording.recorded import RecordedRollout, Visits
from sspo.replay.table import fractions
from sspo.replay.tally import distribution, tally
from sspo.types import Batch
from tests.laws import law
from tests.recording.examples import recorded_rollout

UNIT = ClipConfig(low=1.0, high=1.0)
FIXED = BoundsConfig(adapt="none", alpha=0.0)


def by_hand() -> RecordedRollout:
    """One response of four tokens, A = 1, one update; ratios 2, 1.4, 1, .5 in two segments of two."""
    d = torch.tensor([[2.0, 1.4, 1.0, 0.5]]).log()
    batch = Batch(
        prompt_BL=torch.zeros(1, 1, dtype=torch.long),
        prompt_mask_BL=torch.ones(1, 1, dtype=torch.bool),
        response_BT=torch.tensor([[5, 6, 7, 8]]),
        mask_BT=torch.ones(1, 4, dtype=torch.bool),
        advantage_BT=torch.ones(1, 4),
        segment_id_BT=torch.tensor([[0, 0, 1, 1]]),
        old_logp_BT=torch.full((1, 4), -2.0),
        entropy_BT=torch.ones(1, 4),
    )
    visits = Visits(row_N=torch.tensor([0]), update_N=torch.tensor([0]), logp_NT=-2 + d)
    return replace(recorded_rollout(0), batch=batch, visits=visits)


def test_counts_by_hand():
    objective = replace(VARIANTS["grpo"], ratio="segment", clip=UNIT)
    counts = tally(visit_ratios(by_hand(), objective), [0.2, 0.2, 0.2], [0.9, 0.6, 0.65])
    # segment ratios: sqrt(2 * 1.4) = 1.673 for tokens 1 and 2, sqrt(1 * .5) = .707 for 3 and 4; A > 0 clips r > 1 + high:
    # high .9 clips nothing, .6 and .65 clip tokens 1 and 2
    assert counts["clipped_high"].tolist() == [[0, 2, 2]]
    assert counts["clipped_low"].tolist() == [[0, 0, 0]]
    # extreme (own |log r| > log 1.5, upward as A > 0): token 1 alone
    assert counts["extreme_tokens"].tolist() == [[1]]
    assert counts["extreme_retained_tokens"].tolist() == [[1, 0, 0]]
    # token 2's own 1.4 is inside 1.6 and 1.65, token 1's own 2 is not
    assert counts["collateral_tokens"].tolist() == [[0, 1, 1]]
    # one of two segments is clipped whole; half of the one response
    assert counts["segment_share"].tolist() == [[0, 1, 1]]
    assert counts["response_share"].tolist() == [[0, 0.5, 0.5]]
    assert counts["advantage_mass_kept"].tolist() == [[4, 2, 2]]
    spread = distribution(visit_ratios(by_hand(), objective))
    assert spread["ratio_max"][0, 0] == pytest.approx(math.sqrt(2.8), rel=1e-6)
    assert spread["ratio_p50"][0, 0] == pytest.approx((math.sqrt(2.8) + math.sqrt(0.5)) / 2, rel=1e-6)


LEVELS = st.sampled_from(["token", "segment", "response"])
SHAPES = st.sampled_from(
    [FIXED]
    + [
        BoundsConfig(adapt=adapt, alpha=alpha, entropy_level=level, side=side)
        for adapt, alpha in (("tanh", 0.5), ("linear", -0.4))
        for level in ("token", "segment")
        for side in ("both", "high", "low")
    ]
)
BOUNDS = st.lists(st.floats(1e-4, 0.3), min_size=1, max_size=6)


@law(
    25,
    120,
    seed=st.integers(0, 10_000),
    level=LEVELS,
    shape=SHAPES,
    lows=BOUNDS,
    epochs=st.integers(1, 2),
    data=st.data(),
)
def test_every_count_is_the_loss_s_own(seed, level, shape, lows, epochs, data):
    recorded = recorded_rollout(seed, epochs=epochs)
    objective = replace(VARIANTS["grpo"], ratio=level, bounds=shape, clip=UNIT)
    ratios = visit_ratios(recorded, objective)
    highs = [data.draw(st.floats(1e-4, 1.0)) for _ in lows]
    moved = ratios.log_ratio_NT.exp()[ratios.mask_NT & (ratios.advantage_NT > 0)]
    if len(moved):  # a bound right at a token's ratio: rounding decides, and must decide alike
        edge = float(moved[data.draw(st.integers(0, len(moved) - 1))]) - 1
        highs[0] = edge if edge > 0 else highs[0]
    counts = tally(ratios, lows, highs)
    for k, (low, high) in enumerate(zip(lows, highs, strict=True)):
        bounded = replace(objective, clip=ClipConfig(low=low, high=high))
        for update in range(recorded.visits.updates):
            logged = loss_metrics(recorded, bounded, update)
            mine = {
                key: float(np.broadcast_to(value, (value.shape[0], len(lows)))[update, k])
                for key, value in counts.items()
            }
            for key in ("extreme_tokens", "extreme_retained_tokens", "collateral_tokens"):
                assert mine[key] == logged[f"policy/{key}"]
            assert mine["clipped_low"] + mine["clipped_high"] == logged["policy/clipped_tokens"]
            shares = fractions(mine)
            for key in (
                "",
                "_low",
                "_high",
                "_active",
                "_active_low",
                "_active_high",
                "_segment",
                "_response",
            ):
                wanted = logged[f"policy/clip_frac{key}"]
                assert shares[f"clip_frac{key}"] == (
                    None if wanted is None else pytest.approx(wanted, abs=1e-6)
                )


def loss_metrics(recorded, objective, update):
    """What policy_loss reports for one optimizer step."""
    batch = prepared(recorded.batch, objective, 1, 0, 0)
    row_b, logp_bT = recorded.visits.of_update(update)
    part = batch.rows(row_b)
    context = step_context(batch, row_b, 9)
    out = part_loss(logp_bT[:, : part.mask_BT.shape[1]], part, objective, context)
    return {key: metric.value() for key, metric in out.metrics.items()}


def test_a_term_without_a_clip_clips_nothing():
    ratios = visit_ratios(recorded_rollout(3), replace(VARIANTS["grpo"], clip=UNIT))
    counts = tally(ratios, [math.inf], [math.inf])
    assert not counts["clipped_low"].any()
    assert not counts["clipped_high"].any()
    assert (counts["advantage_mass_kept"] == counts["advantage_mass"]).all()
