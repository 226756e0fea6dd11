"""verl's rows of the table of differences, in numbers worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from verl.trainer.ppo import core_algos

from tests.frameworks.agreements import VERL, VERL_GRADIENTS, amended
from tests.frameworks.batch import WIDTH, by_hand
from tests.frameworks.losses import VerlLoss
from tests.frameworks.ours import advantages, ours
from tests.frameworks.verl_losses import actor, verl, verl_advantages

log = math.log


def without(name, *options):
    """The options of the variant, with some back at verl's defaults."""
    loss = {**VERL, **VERL_GRADIENTS}[name]
    kept = {key: value for key, value in loss.options.items() if key not in options}
    return dataclasses.replace(loss, options=kept)


def grads(result):
    return [pytest.approx(row) for row in result.grad_BT.tolist()]


def test_verl_averages_over_tokens():
    # Responses of 1 and 3 tokens, A = 1 and -1, all ratios 1: (-1 + 1) / 2 = 0 a response, (-1 + 3) / 4 = .5 a token.
    batch = by_hand([[0.0], [0.0, 0.0, 0.0]], [1.0, -1.0])
    assert ours("grpo", batch).value == pytest.approx(0)
    assert verl(VerlLoss(), batch).value == pytest.approx(0.5)
    assert ours("gspo", batch).value == pytest.approx(0)
    assert verl(VerlLoss(mode="gspo"), batch).value == pytest.approx(0.5)
    # DPPO's loss at logp = -1 and ratios 1 is A: 1 - 3 over 4 tokens, over 2 responses and 9 tokens with its constant; the
    # gradient of a token is -A over what is divided by.
    for name in ("dppo_tv", "dppo_kl"):
        assert grads(verl(VerlLoss(mode=name), batch)) == [[-0.25, 0, 0], [0.25, 0.25, 0.25]]
        assert grads(verl(VERL_GRADIENTS[name], batch))[0] == [pytest.approx(-1 / 2 / WIDTH), 0, 0]


def test_verl_clips_twice():
    # A = -1, ratio 10: the loss is 10 and so is its gradient; under the dual clip it is 3 and has none.
    batch = by_hand([[log(10)]], [-1.0])
    assert (ours("grpo", batch).value, grads(ours("grpo", batch))) == (
        pytest.approx(10),
        [[pytest.approx(10)]],
    )
    theirs = verl(VerlLoss(), batch)
    assert (theirs.value, grads(theirs)) == (pytest.approx(3), [[0]])


def probabilities(pairs, advantage):
    """One response of tokens that had the first probability of each pair and have the second."""
    before, after = (torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True))
    batch = by_hand([[0.0] * len(pairs)], [advantage])
    return dataclasses.replace(batch, logp_BT=after.log()[None], old_logp_BT=before.log()[None])


def test_verl_names_the_dual_clip_lower():
    # A = -1 and ratios .5 (below 1 - .2), 10 (above 3), 1, 1: a quarter is clipped below, another by the dual clip.
    batch = by_hand([[log(0.5), log(10), 0.0, 0.0]], [-1.0])
    metrics = verl(VerlLoss(), batch).metrics
    assert metrics["actor/pg_clipfrac"] == pytest.approx(0.25)
    assert metrics["actor/pg_clipfrac_lower"] == pytest.approx(0.25)
    assert ours("grpo", batch).metrics["policy/clip_frac_low"] == pytest.approx(0.25)
    above = by_hand([[log(10)]], [-1.0])
    assert verl(VerlLoss(), above).metrics["actor/pg_clipfrac_lower"] == pytest.approx(1)
    assert ours("grpo", above).metrics["policy/clip_frac_low"] == 0


def test_verl_ignores_clip_ratio():
    # A = 1, ratio 1.15: inside 1.2 and outside 1.05.
    batch = by_hand([[log(1.15)]], [1.0])
    assert verl(VerlLoss(options={"clip_ratio": 0.05}), batch).value == pytest.approx(-1.15)
    assert verl(VerlLoss(options={"clip_ratio_high": 0.05}), batch).value == pytest.approx(-1.05)
    # DPPO from .5 to .6: .1 apart, beyond a threshold of .05 that only `clip_ratio_high` sets.
    batch = probabilities([(0.5, 0.6)], 1.0)
    assert grads(verl(VerlLoss(mode="dppo_tv", options={"clip_ratio": 0.05}), batch)) == [[-1.2]]
    assert grads(verl(VerlLoss(mode="dppo_tv", options={"clip_ratio_high": 0.05}), batch)) == [[0]]


def test_verl_shares_one_pair_of_bounds():
    # GSPO at ratio 1.1: 1 + 4e-4 with the paper's bounds, 1.1 (not clipped) with .2.
    batch = by_hand([[log(1.1)]], [1.0])
    assert ours("gspo", batch).value == pytest.approx(-1.0004)
    assert verl(VerlLoss(mode="gspo"), batch).value == pytest.approx(-1.1)
    # CISPO at ratios 4 and .1 and logp = d - 1: the gradient is -weight * A / 2 tokens; weights 1.2 and .8, not 4 and .1.
    batch = by_hand([[log(4), log(0.1)]], [1.0])
    assert grads(verl(VerlLoss(mode="cispo"), batch)) == [[-0.6, -0.4]]
    assert grads(verl(VERL["cispo"], batch)) == [[-2.0, -0.05]]
    # GMPO at log-ratios .3 and 0: exp(.3 / 2) with the paper's .4, exp(.2 / 2) with .2.
    batch = by_hand([[0.3, 0.0]], [1.0])
    assert verl(VERL["gmpo"], batch).value == pytest.approx(-math.exp(0.15))
    assert verl(VerlLoss(mode="geo_mean"), batch).value == pytest.approx(-math.exp(0.1))
    # DPPO from .5 to .68, a distance of .18 and a divergence of .0692: beyond .15 and .05, within .2.
    batch = probabilities([(0.5, 0.68)], 1.0)
    for name in ("dppo_tv", "dppo_kl"):
        assert grads(verl(VERL_GRADIENTS[name], batch)) == [[0]]
        assert grads(ours(name, batch)) == [[0]]
        assert grads(verl(VerlLoss(mode=name), batch)) == [[-1.36]]


def test_verl_stops_the_gradient_beyond_20_nats():
    batch = by_hand([[25.0]], [-1.0])
    mine, theirs = ours("grpo", batch), verl(VERL["grpo"], batch)
    assert mine.value == theirs.value == pytest.approx(math.exp(20))
    assert (grads(mine), grads(theirs)) == ([[pytest.approx(math.exp(20))]], [[0]])


def test_verl_caps_a_response_at_10_nats():
    batch = by_hand([[12.0]], [-1.0])
    mine, theirs = ours("gspo", batch), verl(VERL["gspo"], batch)
    assert (mine.value, theirs.value) == (pytest.approx(math.exp(12)), pytest.approx(math.exp(10)))
    assert (grads(mine), grads(theirs)) == ([[pytest.approx(math.exp(12))]], [[0]])


def test_verl_divides_by_the_padded_width():
    # One response of 2 tokens, ratios 1: -2 / 2 padded to 2, -2 / 4 padded to 4, -2 / 8 with the run's limit of 8.
    narrow, wide = by_hand([[0.0, 0.0]], [1.0]), by_hand([[0.0] * 4], [1.0], lengths=[2])
    default = without("dr_grpo", "loss_scale_factor")
    assert verl(default, narrow).value == pytest.approx(-1)
    assert verl(default, wide).value == pytest.approx(-0.5)
    for batch in (narrow, wide):
        assert verl(amended(VERL["dr_grpo"], loss_scale_factor=8), batch).value == pytest.approx(-0.25)
    for name in (
        "dppo_tv",
        "dppo_kl",
    ):  # the authors' script sets no loss_scale_factor; gradients are -1 over the width
        default = without(name, "loss_scale_factor")
        assert grads(verl(default, narrow)) == [[-0.5, -0.5]]
        assert grads(verl(default, wide)) == [[-0.25, -0.25, 0, 0]]
    # r = 1, 0: A = .5 without the division, .5 / (sqrt(.5) + 1e-6) with it.
    reward_PG = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    default_BT = verl_advantages("grpo", reward_PG, torch.ones(2, 1).bool())
    assert float(default_BT[0, 0]) == pytest.approx(0.5 / (math.sqrt(0.5) + 1e-6))
    assert float(advantages("dr_grpo", reward_PG)[0, 0]) == pytest.approx(0.5)


def test_verl_truncates_dppos_ratio():
    # From .01 to .1, a ratio of 10 and a divergence of .09 (TV) or .1437 (KL): within .2, and the token has weight 3.
    batch = probabilities([(0.01, 0.1)], 1.0)
    for name in ("dppo_tv", "dppo_kl"):
        default = verl(VerlLoss(mode=name), batch)
        assert grads(default) == [[-3]]
        assert default.metrics["actor/pg_clipfrac_lower"] == pytest.approx(1)
        assert grads(verl(VerlLoss(mode=name, options={"clip_ratio_c": 1e4}), batch)) == [[-10]]
    assert grads(ours("dppo_tv", batch)) == [[-10]]
    assert actor({}).clip_ratio_c == 3


def test_verl_reports_another_value_for_dppo():
    # From .5 to .6 and from .5 to .9 with A = 1: the first passes at weight 1.2, the second is masked. The loss over one
    # response and a limit of 2 tokens is -1.2 log .6 / 2, ours -1.2 / 2.
    batch = probabilities([(0.5, 0.6), (0.5, 0.9)], 1.0)
    for name in ("dppo_tv", "dppo_kl"):
        mine, theirs = ours(name, batch), verl(amended(VERL_GRADIENTS[name], loss_scale_factor=2), batch)
        assert (mine.value, theirs.value) == (pytest.approx(-0.6), pytest.approx(-0.6 * log(0.6)))
        assert grads(mine) == [[-0.6, 0]]
        assert grads(theirs) == [[-0.6, 0]]


def test_verl_counts_dppo_tokens_without_advantage():
    # From .9 to .1 with A = 0.
    batch = probabilities([(0.9, 0.1)], 0.0)
    for name in ("dppo_tv", "dppo_kl"):
        assert verl(VERL_GRADIENTS[name], batch).metrics["actor/pg_clipfrac"] == pytest.approx(1)
        assert ours(name, batch).metrics["policy/clip_frac"] == 0


def test_verl_counts_cispo_on_both_sides():
    # A = -1 at ratio 6 and A = 1 at ratio .5 under the lower bound .8 and the cap 5: both were clamped.
    batch = by_hand([[log(6)], [log(0.5)]], [-1.0, 1.0])
    assert verl(amended(VERL["cispo"], clip_ratio_low=0.2), batch).metrics[
        "actor/pg_clipfrac"
    ] == pytest.approx(1)


def test_verl_averages_gmpo_over_micro_batches():
    # Two responses with ratio 1 and A = 1: -1 together, -1 and -1 (not -.5 and -.5) one by one.
    batch = by_hand([[0.0], [0.0]], [1.0, 1.0])
    assert verl(VERL["gmpo"], batch).value == pytest.approx(-1)
    assert [verl(VERL["gmpo"], batch.rows(i, i + 1), whole=batch).value for i in (0, 1)] == [
        pytest.approx(-1)
    ] * 2
    assert [verl(VERL["grpo"], batch.rows(i, i + 1), whole=batch).value for i in (0, 1)] == [
        pytest.approx(-0.5)
    ] * 2


def test_verl_counts_gmpo_tokens_that_pass():
    # A = 1 at log-ratio -1: the clip is one-sided, the whole -1 goes into the ratio, and the token counts as clipped.
    batch = by_hand([[-1.0]], [1.0])
    theirs = verl(VERL["gmpo"], batch)
    assert theirs.value == pytest.approx(-math.exp(-1))
    assert theirs.metrics["actor/pg_clipfrac"] == pytest.approx(1)


def test_verl_fixes_sapos_aggregation():
    # Responses of 1 and 3 tokens, A = 1 and -1, ratios 1: the gate is sigmoid(0) 4 / tau, 2 / 1.0 and 2 / 1.05, so
    # (-2 + 2 / 1.05) / 2 whatever the mode; a token mean would be (-2 + 3 * 2 / 1.05) / 4.
    batch = by_hand([[0.0], [0.0, 0.0, 0.0]], [1.0, -1.0])
    for mode in ("token-mean", "seq-mean-token-mean"):
        theirs = verl(VerlLoss(mode="sapo", options={"loss_agg_mode": mode}), batch)
        assert theirs.value == pytest.approx((-2 + 2 / 1.05) / 2)
        assert theirs.metrics["actor/pg_clipfrac"] == 0


def test_verl_trains_a_group_of_one_on_its_reward():
    alone_PG = torch.tensor([[0.7]], dtype=torch.float64)
    mask_BT = torch.ones(1, 2).bool()
    for estimator in ("grpo", "rloo"):
        theirs_BT = verl_advantages(estimator, alone_PG, mask_BT)
        assert theirs_BT.tolist() == [[pytest.approx(0.7, abs=1e-6)] * 2]
    for name in ("grpo", "dr_grpo", "rloo", "dppo_tv", "dppo_kl"):
        assert advantages(name, alone_PG).tolist() == [[0.0]]


def test_verl_leaves_rounding_in_equal_groups():
    # The float32 mean of three times .9 is .9 - 2^-24, their std sqrt(3 / 2) 2^-24: 2^-24 / (7.3e-8 + 1e-6) = .0555.
    equal_PG = torch.full((1, 3), 0.9)
    theirs_BT = verl_advantages("grpo", equal_PG, torch.ones(3, 1).bool())
    assert theirs_BT.tolist() == [[pytest.approx(0.0555, abs=1e-3)]] * 3
    assert advantages("grpo", equal_PG).tolist() == [[0.0] * 3]


def test_verl_whitens_with_the_unbiased_variance():
    # Rewards 1 and 0 of 1 and 3 tokens: mean .25; squares .5625 + 3 * .0625 = .75; variance .75 / 4, unbiased .75 / 3 = .25.
    mask_BT = torch.tensor([[True, False, False], [True, True, True]])
    reward_PG = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    theirs_BT = verl_advantages("reinforce_plus_plus", reward_PG, mask_BT)
    assert theirs_BT.tolist() == [pytest.approx(row, rel=1e-6) for row in ([1.5, 0, 0], [-0.5, -0.5, -0.5])]
    # With baseline: .5 and -.5 first, mean (.5 - 1.5) / 4 = -.25, deviations .75 and -.25: the same.
    theirs_BT = verl_advantages("reinforce_plus_plus_baseline", reward_PG, mask_BT)
    assert theirs_BT.tolist() == [pytest.approx(row, rel=1e-6) for row in ([1.5, 0, 0], [-0.5, -0.5, -0.5])]
    for name in ("reinforce_pp", "reinforce_pp_baseline"):
        ours_PG = advantages(name, reward_PG, mask_BT.sum(1).reshape(1, 2))
        assert ours_PG.tolist() == [
            [pytest.approx(0.75 / math.sqrt(0.75 / 4)), pytest.approx(-0.25 / math.sqrt(0.75 / 4))]
        ]


def test_verl_knows_no_groups_in_dapo():
    # Two prompts of one response each, 1 and 3 tokens, A = 1 and -1, ratios 1: .5 over the batch, 0 as a mean over groups.
    batch = by_hand([[0.0], [0.0, 0.0, 0.0]], [1.0, -1.0])
    assert verl(VERL["dapo"], batch).value == pytest.approx(0.5)
    for mode in ("group-mean", "prompt-mean"):
        with pytest.raises(ValueError, match="Invalid loss_agg_mode"):
            actor({"loss_agg_mode": mode})


def test_verl_clamps_k3():
    # log-ratio of the reference 3 nats: e^3 - 3 - 1 = 16.09, capped at 10; at 1 nat e - 2 = .718 with gradient 1 - e.
    logp_T = torch.tensor([-4.0, -2.0], dtype=torch.float64, requires_grad=True)
    k3_T = core_algos.kl_penalty(logp_T, torch.tensor([-1.0, -1.0], dtype=torch.float64), "low_var_kl")
    k3_T.sum().backward()
    assert k3_T.tolist() == [10, pytest.approx(math.e - 2)]
    assert logp_T.grad.tolist() == [0, pytest.approx(1 - math.e)]
