"""Numbers that fit on the back of an envelope."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from sspo.config import BoundsConfig, ClipConfig, ObjectiveConfig
from sspo.metrics import MIN_ELIGIBLE, PERCENTILES, merge_all
from sspo.objective.advantage import group_mean, group_norm
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.objective.ragged import context_of, tensors


def row(ratios, segments, adv, entropy=None, q=None):
    old = [-1.0] * len(ratios) if q is None else [math.log(x) for x in q]
    return {
        "old": old,
        "logp": [o + math.log(r) for o, r in zip(old, ratios, strict=True)],
        "entropy": entropy or [0.5] * len(ratios),
        "reference": old,
        "sampler": old,
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


def of_rows(name, rows, group=1):
    """(loss, gradient of every token, metrics) of a published row."""
    logp, *rest = tensors(rows)
    logp.requires_grad_()
    objective = VARIANTS[name]
    out = policy_loss(logp, *rest, objective, context=context_of(rows, objective, group))
    out.loss.backward()
    return float(out.loss.detach()), logp.grad.tolist(), out.metrics


def test_lpo_by_hand():
    # segment ratios sqrt(4 * 1) = 2, held at 1.03 for two tokens, and .5, inside; the other response .5, held at .97
    loss, gradient, _ = of_rows("lpo", [row([4, 1, 0.5], [0, 0, 1], 1.0), row([0.5], [0], -1.0)], group=2)
    assert loss == pytest.approx(-(2 * 1.03 + 0.5 - 0.97) / 4)  # over the four tokens of the prompt
    assert gradient[0] == pytest.approx([0, 0, -0.5 / 4])
    assert gradient[1][0] == 0


def test_espo_by_hand():
    # two groups, tokens {0, 2} and {1}, with entropies log 50 (all of |V|) and 0: bounds .02 and 0
    # ratios sqrt(4 * 1) = 2, held at 1.02, and 1.5, held at 1; each group weighs one half
    entropy = [math.log(50), 0.0, math.log(50)]
    loss, gradient, metrics = of_rows("espo", [row([4, 1.5, 1], [0, 1, 0], 1.0, entropy)])
    assert loss == pytest.approx(-(1.02 + 1) / 2)
    assert gradient[0] == [0, 0, 0]
    assert metrics["policy/clip_frac_high"].value() == 1
    # downwards 2 is free: -2 for two tokens of weight 1/4, and -1.5
    loss, gradient, _ = of_rows("espo", [row([4, 1.5, 1], [0, 1, 0], -1.0, entropy)])
    assert loss == pytest.approx((2 + 1.5) / 2)
    assert gradient[0] == pytest.approx([2 / 4, 1.5 / 2, 2 / 4])


def test_vespo_by_hand():
    # W = 2 * .25 = .5, A = 1: .5^2 e^(3 * .5) = 1.1204; times the mean of log-probabilities -1 + log 2 and -1 + log .25
    loss, gradient, _ = of_rows("vespo", [row([2, 0.25], [0, 1], 1.0)])
    assert loss == pytest.approx(1.1204223 * (2 + math.log(2)) / 2)
    assert gradient[0] == pytest.approx([-1.1204223 / 2] * 2)
    # A = -1: .5^3 e^(2 * .5) = .33979
    assert of_rows("vespo", [row([2, 0.25], [0, 1], -1.0)])[1][0] == pytest.approx([0.3397852 / 2] * 2)


def test_luspo_by_hand():
    # three tokens of 1.001, inside, count three times; one token of 2 once, held at 1.0025
    loss, gradient, _ = of_rows("luspo", [row([1.001] * 3, [0, 1, 1], 1.0), row([2], [0], 1.0)])
    assert loss == pytest.approx(-(3 * 1.001 + 1.0025) / 2)
    assert gradient[0] == pytest.approx([-1.001 / 2] * 3)


def test_dppo_by_hand():
    # from .5 to .6 moves .1 and is free, to .7 moves .2 > .15 and is gone; a token of .05 may be tripled
    kept = row([1.2, 1.4, 3], [0, 1, 2], 1.0, q=[0.5, 0.5, 0.05])
    loss, gradient, metrics = of_rows("dppo_tv", [kept])
    assert loss == pytest.approx(-(1.2 + 0 + 3) / 3)  # token limit 3
    assert gradient[0] == pytest.approx([-1.2 / 3, 0, -3 / 3])
    assert metrics["policy/clip_frac"].value() == pytest.approx(1 / 3)
    # KL of .5 to .6: .5 log(.5/.6) + .5 log(.5/.4) = .0204; to .75: .5 log(.5/.75) + .5 log(.5/.25) = .1438 > .05
    loss, gradient, _ = of_rows("dppo_kl", [row([1.2, 1.5], [0, 1], 1.0, q=[0.5, 0.5])])
    assert gradient[0] == pytest.approx([-1.2 / 2, 0])
    # .5 to .375: .5 log(.5/.375) + .5 log(.5/.625) = .0323; to .25: .1438 again, gone; upwards all is free
    loss, gradient, _ = of_rows("dppo_kl", [row([0.75, 0.5, 1.5], [0, 1, 2], -1.0, q=[0.5, 0.5, 0.5])])
    assert loss == pytest.approx((0.75 + 0 + 1.5) / 3)
    # thresholds of .01 below and .05 above: -.0323 is gone, +.0204 is free
    objective = replace(VARIANTS["dppo_kl"], clip=ClipConfig(low=0.01, high=0.05))
    for ratio, adv, wanted in ((0.75, -1.0, 0.0), (1.2, 1.0, -1.2)):
        loss = policy_loss(*tensors([row([ratio], [0], adv, q=[0.5])]), objective).loss
        assert float(loss) == pytest.approx(wanted)


def test_gapo_by_hand():
    # one success of three: upper bound .005, so 1.004 is free: 1.004 * 2/3 - 1/3 - 1/3 over three responses
    alone = [row([1.004], [0], 2 / 3), row([1], [0], -1 / 3), row([1], [0], -1 / 3)]
    loss, gradient, _ = of_rows("gapo", alone, group=3)
    assert loss == pytest.approx(-0.004 * 2 / 9)
    assert gradient[0][0] == pytest.approx(-1.004 * 2 / 9)
    # two of three: .003 + .002 / 2 = .004, so 1.0045 is held at 1.004
    two = [row([1.0045], [0], 1 / 3), row([1.0045], [0], 1 / 3), row([1], [0], -2 / 3)]
    loss, gradient, _ = of_rows("gapo", two, group=3)
    assert loss == pytest.approx(-0.004 * 2 / 9)
    assert gradient[0][0] == gradient[1][0] == 0


def test_ctpo_by_hand():
    # log-ratios .04 .04 -.03 .04 add up to .04 .08 .05 .09; bounds .05 sqrt(t) are .05 .0707 .0866 .1: the second is held
    ratios = [math.exp(d) for d in (0.04, 0.04, -0.03, 0.04)]
    held = (math.exp(0.04) + math.exp(0.0707107) + math.exp(0.05) + math.exp(0.09)) / 4
    loss, gradient, metrics = of_rows("ctpo", [row(ratios, [0] * 4, 1.0)])
    assert loss == pytest.approx(-held)
    assert gradient[0] == pytest.approx([-math.exp(0.04) / 4, 0, -math.exp(0.05) / 4, -math.exp(0.09) / 4])
    assert metrics["policy/clip_frac"].value() == pytest.approx(1 / 4)
    # the dual clip is at the same place, and holds the same token where A < 0
    loss, gradient, metrics = of_rows("ctpo", [row(ratios, [0] * 4, -1.0)])
    assert loss == pytest.approx(held)
    assert gradient[0][1] == 0
    assert metrics["policy/clip_frac_high"].value() == pytest.approx(1 / 4)
    # log-ratios -.03 add up to -.03 -.06: both beyond -.025 and -.025 sqrt(2) = -.0354
    loss, _, _ = of_rows("ctpo", [row([math.exp(-0.03)] * 2, [0, 0], -1.0)])
    assert loss == pytest.approx((math.exp(-0.025) + math.exp(-0.0353553)) / 2)


def test_ce_gppo_by_hand():
    # up: 2 counts as 1.2, with that gradient; 1 and .5 are their own. Down: .5 counts as .75 * .8 = .6
    loss, gradient, _ = of_rows("ce_gppo", [row([2, 1, 0.5], [0, 1, 2], 1.0)])
    assert loss == pytest.approx(-(1.2 + 1 + 0.5) / 3)
    assert gradient[0] == pytest.approx([-1.2 / 3, -1 / 3, -0.5 / 3])
    loss, gradient, _ = of_rows("ce_gppo", [row([2, 1, 0.5], [0, 1, 2], -1.0)])
    assert loss == pytest.approx((2 + 1 + 0.6) / 3)
    assert gradient[0] == pytest.approx([2 / 3, 1 / 3, 0.6 / 3])


def test_sqrt_bounds_by_hand():
    # entropies 0 and .08: sqrt(.01) = .1 and sqrt(.09) = .3, mean .2: g = .5 and 1.5, bounds .025 and .075
    _, _, metrics = of_rows("sspo_sqrt", [row([1, 1], [0, 1], 1.0, entropy=[0.0, 0.08])])
    assert metrics["policy/bound_low_p10"].value() == pytest.approx(0.025 + 0.1 * 0.05)
    assert metrics["policy/bound_high_mean"].value() == pytest.approx(0.05)
