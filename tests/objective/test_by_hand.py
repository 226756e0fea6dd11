"""Numbers that fit on the back of an envelope."""

from __future__ import annotations

import math

import pytest
import torch

from sspo.config import BoundsConfig, ClipConfig, ObjectiveConfig
from sspo.metrics import MIN_ELIGIBLE, PERCENTILES, merge_all
from sspo.objective.advantage import group_mean, group_norm
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.objective.ragged import tensors


def row(ratios, segments, adv, entropy=None):
    return {
        "old": [-1.0] * len(ratios),
        "logp": [-1.0 + math.log(r) for r in ratios],
        "entropy": entropy or [0.5] * len(ratios),
        "adv": adv,
        "seg": segments,
    }


def test_group_norm_centers_and_divides_by_the_unbiased_std():
    # rewards 1 0 0 0: mean .25, deviations .75 -.25 -.25 -.25, squares sum .75, / 3 = .25, std .5 -> 1.5 and -.5
    advantage = group_norm(torch.tensor([[1.0, 0, 0, 0], [1, 1, 1, 1]]))
    assert advantage[0].tolist() == pytest.approx([1.5, -0.5, -0.5, -0.5], abs=1e-5)
    assert advantage[1].tolist() == [0, 0, 0, 0]
    assert group_mean(torch.tensor([[1.0, 0, 0, 0]]))[0].tolist() == [0.75, -0.25, -0.25, -0.25]


def test_equal_rewards_have_exactly_zero_advantage_whatever_their_value():
    # in float32 the mean of sixteen times .1 is not .1; divided by std + 1e-6 the rest would be .007, and "active"
    rewards = torch.full((1, 16), 0.1)
    assert float((rewards - rewards.mean()).abs().max()) > 0
    assert group_norm(rewards).tolist() == [[0.0] * 16]
    assert group_mean(rewards).tolist() == [[0.0] * 16]


def test_a_group_of_one_has_zero_advantage():
    assert group_norm(torch.tensor([[1.0]])).tolist() == [[0.0]]
    assert group_mean(torch.tensor([[1.0]])).tolist() == [[0.0]]


def test_segment_ratio_is_the_geometric_mean_of_its_tokens():
    # segment 0 holds ratios 4 and 1: sqrt(4) = 2 > 1.05, clipped at 1.05; segment 1 holds .5, inside for A > 0.
    # terms 1.05 1.05 .5, mean 2.6 / 3
    objective = ObjectiveConfig(clip=ClipConfig(low=0.05, high=0.05))
    out = policy_loss(*tensors([row([4, 1, 0.5], [0, 0, 1], adv=1.0)]), objective)
    assert float(out.loss) == pytest.approx(-2.6 / 3)
    assert out.metrics["policy/clip_frac"].value() == pytest.approx(2 / 3)
    assert out.metrics["policy/clip_frac_high"].value() == pytest.approx(2 / 3)
    assert out.metrics["policy/clip_frac_low"].value() == 0
    # by segment: segment 0 whole, segment 1 not -> 1/2; by response: 2 of 3 tokens
    assert out.metrics["policy/clip_frac_segment"].value() == pytest.approx(1 / 2)
    assert out.metrics["policy/clip_frac_response"].value() == pytest.approx(2 / 3)


def test_active_clip_fraction_leaves_out_tokens_without_advantage():
    # row 0: both tokens clipped low (ratio .5 < .8, A < 0); row 1 has A = 0 -> 2 of 4 tokens, 2 of 2 active ones
    rows = [row([0.5, 0.5], [0, 1], adv=-1.0), row([0.5, 0.5], [0, 1], adv=0.0)]
    metrics = policy_loss(*tensors(rows), VARIANTS["grpo"]).metrics
    assert metrics["policy/clip_frac_low"].value() == pytest.approx(1 / 2)
    assert metrics["policy/clip_frac_active_low"].value() == 1
    assert metrics["policy/active_token_frac"].value() == pytest.approx(1 / 2)


def test_aggregations_weigh_a_long_and_a_short_response_differently():
    # on policy every term is A: row 0 has 3 tokens of 1 in segments {1, 2}, row 1 one token of 2
    rows = [row([1, 1, 1], [0, 1, 1], adv=1.0), row([1], [0], adv=2.0)]
    wanted = {
        "token_mean": (3 * 1 + 1 * 2) / 4,
        "response_mean": (1 + 2) / 2,
        "constant": (3 / 3 + 2 / 3) / 2,  # token limit 3
        "segment_mean": (1 + 2) / 2,
    }
    for how, value in wanted.items():
        loss = policy_loss(*tensors(rows), ObjectiveConfig(aggregation=how)).loss
        assert float(loss) == pytest.approx(-value), how


def test_tanh_bounds_by_hand():
    # two one-token segments with entropies 0 and 2: mu 1, sd 1, g = 1 -+ .5 tanh 1, mean 1
    batch = tensors([row([1, 1], [0, 1], adv=1.0, entropy=[0.0, 2.0])])
    objective = ObjectiveConfig(
        clip=ClipConfig(low=0.1, high=0.2), bounds=BoundsConfig(adapt="tanh", alpha=0.5)
    )
    metrics = policy_loss(*batch, objective).metrics
    narrow, wide = 1 - 0.5 * math.tanh(1), 1 + 0.5 * math.tanh(1)
    assert metrics["policy/bound_low_mean"].value() == pytest.approx(0.1)
    # numpy's percentile interpolates: the 10th of {narrow, wide} is narrow + .1 (wide - narrow)
    assert metrics["policy/bound_high_p10"].value() == pytest.approx(0.2 * (narrow + 0.1 * (wide - narrow)))


def test_extreme_tokens_that_an_average_hides_count_as_retained():
    # each response: one token of ratio 2 among 99 of ratio 1; response mean 2^(1/100) = 1.007 < 1.2: retained.
    rows = [row([2] + [1] * 99, [0] * 100, adv=1.0) for _ in range(MIN_ELIGIBLE)]
    wide = ObjectiveConfig(ratio="response", clip=ClipConfig(low=0.2, high=0.2))
    tight = ObjectiveConfig(ratio="response", clip=ClipConfig(low=0.001, high=0.001))
    assert policy_loss(*tensors(rows), wide).metrics["policy/extreme_retained_frac"].value() == 1
    # a bound of .001 clips all 100 tokens of each response; 99 of them have their own ratio 1 inside the bound
    metrics = policy_loss(*tensors(rows), tight).metrics
    assert metrics["policy/extreme_retained_frac"].value() == 0
    assert metrics["policy/collateral_clip_frac"].value() == pytest.approx(0.99)
    assert policy_loss(*tensors(rows), VARIANTS["grpo"]).metrics["policy/collateral_clip_frac"].value() == 0


def test_rare_fractions_are_null_below_a_hundred_tokens():
    metrics = policy_loss(*tensors([row([2, 1], [0, 1], adv=1.0)]), VARIANTS["grpo"]).metrics
    assert metrics["policy/extreme_tokens"].value() == 1
    assert (
        metrics["policy/extreme_retained_tokens"].value() == 0
    )  # clipped at 1.2: the counts stay, to be pooled
    assert metrics["policy/extreme_retained_frac"].value() is None


def test_k1_and_k3_by_hand():
    # ratios 2 and .5: d = log 2, -log 2; k1 = 0; k3 = mean(2 - 1 - log 2, .5 - 1 + log 2) = mean(1, -.5) = .25
    metrics = policy_loss(*tensors([row([2, 0.5], [0, 1], adv=1.0)]), VARIANTS["grpo"]).metrics
    assert metrics["policy/kl_k1"].value() == pytest.approx(0, abs=1e-12)
    assert metrics["policy/kl_k3"].value() == pytest.approx(0.25)
    # ratio std over {2, .5}: population, mean 1.25, std .75
    assert metrics["policy/ratio_std"].value() == pytest.approx(0.75)


def test_ratio_percentiles_over_the_tokens_of_all_micro_batches():
    # 101 ratios 1.00, 1.01 ... 2.00 in two micro-batches, advantages 0: the p-th percentile is 1 + p / 100, whatever the split
    ratios = [1 + i / 100 for i in range(101)]
    halves = [row(part, range(len(part)), adv=0.0) for part in (ratios[::2], ratios[1::2])]
    merged = merge_all([policy_loss(*tensors([half]), VARIANTS["grpo"]).metrics for half in halves])
    assert set(PERCENTILES.values()) == {1, 10, 50, 90, 99}
    for name, percent in PERCENTILES.items():
        assert merged[f"policy/ratio_{name}"].value() == pytest.approx(1 + percent / 100)
