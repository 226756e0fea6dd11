"""Degenerate inputs are semantics, each written down in docs/objectives.md: no NaN or infinity in loss or gradient."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from sspo.config import ClipConfig, KernelConfig, KlConfig
from sspo.config.choices import ADAPTATIONS, KL_ESTIMATORS
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.loss import policy_loss
from sspo.objective.published_bounds import kl_bounds
from sspo.objective.ratio import MAX_LOG_RATIO
from sspo.objective.variants import VARIANTS
from tests.objective.ragged import context_of, tensors

NEVER = float("-inf")
EVERY = pytest.mark.parametrize("name", sorted(VARIANTS))


def row(old, logp, adv=1.0, entropy=0.5, seg=None):
    n = len(old)
    values = {"reference": [-1.0] * n, "sampler": [-1.0] * n}
    return {"old": old, "logp": logp, "adv": adv, "entropy": [entropy] * n, "seg": seg or [0] * n, **values}


def finite(rows, objective, dtype=torch.float32, mask_out=()):
    """(loss, gradient) of rows in two groups, after asserting that both are finite; rows of mask_out are empty."""
    logp, old, advantage, mask, segment_id, entropy = tensors(rows, dtype=dtype)
    for i in mask_out:
        mask[i], segment_id[i] = False, -1
    context = context_of(rows, objective, 1, dtype=dtype)
    extras = replace(context.extras, group_weight_B=torch.ones(len(rows)))
    context = replace(context, tokens=int(mask.sum()), extras=extras)
    logp.requires_grad_()
    out = policy_loss(logp, old, advantage, mask, segment_id, entropy, objective, context=context)
    out.loss.backward()
    assert torch.isfinite(out.loss)
    assert torch.isfinite(logp.grad).all()
    return out, logp.grad


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
def test_a_group_of_one_and_equal_rewards(name):
    advantage, tokens = ADVANTAGES[name], torch.tensor([[3], [5]])
    alone = advantage(torch.tensor([[1.0], [0.0]]), tokens)
    if name == "whitened":  # no group is its baseline: a rollout of single responses is what it is made for
        # weights 3/8 and 5/8, mean .375, variance .375 * .625
        assert alone.flatten().tolist() == pytest.approx([0.625 / 0.484123, -0.375 / 0.484123], rel=1e-4)
    else:
        assert alone.tolist() == [[0.0], [0.0]]
    equal = torch.full((2, 16), 0.1)
    assert advantage(equal, torch.full((2, 16), 7)).tolist() == equal.mul(0).tolist()


@EVERY
def test_an_empty_response_takes_no_part_and_counts_as_a_response(name):
    rows = [row([-1.0, -1.0], [-0.9, -1.3]), row([-1.0], [-2.0], adv=-1.0)]
    alone, _ = finite(rows[:1], VARIANTS[name])
    both, gradient_both = finite(rows, VARIANTS[name], mask_out=[1])
    if VARIANTS[name].aggregation == "token_mean":
        assert float(both.loss.detach()) == pytest.approx(float(alone.loss.detach()))
    else:
        assert not gradient_both[1].any()


@EVERY
def test_a_batch_without_a_token_has_loss_zero(name):
    out, gradient = finite([row([-1.0, -2.0], [-1.5, -2.5])], VARIANTS[name], mask_out=[0])
    assert float(out.loss.detach()) == 0
    assert not gradient.any()
    assert out.metrics["policy/clip_frac"].value() is None


@EVERY
@pytest.mark.parametrize("adv", [1.0, -1.0])
def test_infinite_log_probs_have_ratios_at_the_limit_and_no_gradient(name, adv):
    old, logp = [-1.0, NEVER, NEVER, -1.0], [NEVER, -1.0, NEVER, -1.1]
    out, gradient = finite([row(old, logp, adv, seg=[0, 1, 2, 3])], VARIANTS[name])
    assert not gradient[0, [0, 2]].any()
    # weights of a score never remove a gradient: where the old policy gave no probability, cispo's is at its cap
    assert bool(gradient[0, 1]) == (name in ("cispo", "vespo"))
    if VARIANTS[name].ratio == "token":
        assert out.metrics["policy/ratio_max"].value() == pytest.approx(2.718281828**MAX_LOG_RATIO, rel=1e-4)
        assert out.metrics["policy/ratio_min"].value() == pytest.approx(2.718281828**-MAX_LOG_RATIO, rel=1e-4)


@EVERY
@pytest.mark.parametrize("adv", [1.0, -1.0])
def test_ratios_that_overflow_stay_finite(name, adv):
    finite([row([-900.0, -1.0], [-1.0, -900.0], adv, seg=[0, 1])], VARIANTS[name])


@EVERY
def test_one_token_segments_and_one_token_responses(name):
    finite([row([-1.0], [-0.7]), row([-1.0, -2.0], [-0.7, -2.2], adv=-1.0, seg=[0, 1])], VARIANTS[name])


@EVERY
@pytest.mark.parametrize("entropy", [0.0, 1.0])
def test_entropy_without_spread_is_a_fixed_clip(name, entropy):
    finite([row([-1.0, -2.0], [-0.7, -2.2], entropy=entropy)], VARIANTS[name])
    adapt = VARIANTS[name].bounds.adapt
    g_like = adapt in ("none", "hapo") or ADAPTATIONS[adapt].mean_one
    if g_like and VARIANTS[name].term == "ppo":
        out, _ = finite([row([-1.0, -2.0], [-0.7, -2.2], entropy=entropy)], VARIANTS[name])
        assert out.metrics["policy/bound_low_p10"].value() == pytest.approx(VARIANTS[name].clip.low)


@EVERY
def test_probabilities_of_one(name):
    """Before, after and both; with a ratio a little below 1 and one far below."""
    old, logp = [0.0, 0.0, 0.0, -1.0, -1e-9], [0.0, -0.04, -3.0, 0.0, 0.0]
    for adv, kept in ((1.0, [True, True, True, False]), (-1.0, [True, True, False, True])):
        _, gradient = finite([row(old, logp, adv, seg=[0, 1, 2, 3, 4])], VARIANTS[name])
        if name.startswith(
            "dppo"
        ):  # from 1 to .96 moves .04, at a KL of .04; to .05, .95 at 3; from .37 to 1, .63
            assert (gradient[0, :4] != 0).tolist() == kept


@EVERY
def test_log_ratios_that_add_up_to_hundreds(name):
    n = 400
    ways = [(1.0, 0.5), (1.0, -0.5), (-1.0, 0.5), (-1.0, -0.5)]
    rows = [row([-1.0] * n, [-1.0 + step] * n, adv, seg=[i // 20 for i in range(n)]) for adv, step in ways]
    out, _ = finite(rows, VARIANTS[name])
    if VARIANTS[name].pooling == "sum":
        assert out.metrics["policy/ratio_max"].value() == pytest.approx(2.718281828**MAX_LOG_RATIO, rel=1e-4)


def test_a_group_of_one_has_gapo_s_lower_bound_above_too():
    out, _ = finite([row([-1.0], [-0.7])], VARIANTS["gapo"])
    assert out.metrics["policy/bound_high_mean"].value() == pytest.approx(3e-3)


@pytest.mark.parametrize("adv", [1.0, -1.0])
def test_a_ratio_at_its_bound_keeps_its_whole_gradient(adv):
    """On policy at a bound of 0 the minimum of equal values is no reason to halve it."""
    for name, old in (("espo", -1.0), ("dppo_tv", 0.0), ("dppo_kl", 0.0)):
        _, gradient = finite([row([old], [old], adv, entropy=0.0)], VARIANTS[name])
        assert float(gradient) == -adv, name


def test_entropy_of_zero_leaves_espo_no_room():
    for log_ratio, adv in ((1e-3, 1.0), (-1e-3, -1.0)):
        out, gradient = finite([row([-1.0], [-1.0 + log_ratio], adv, entropy=0.0)], VARIANTS["espo"])
        assert not gradient.any()
        assert float(out.loss.detach()) == -adv


@pytest.mark.parametrize("estimator", KL_ESTIMATORS)
def test_options_at_infinite_log_probs(estimator):
    objective = replace(VARIANTS["grpo"], kl=KlConfig(coef=0.1, estimator=estimator), tis_cap=2.0)
    rows = [row([-1.0, NEVER, -1.0], [NEVER, -1.0, -1.2], seg=[0, 1, 2])]
    rows[0]["reference"] = [-1.0, NEVER, NEVER]
    rows[0]["sampler"] = [NEVER, -1.0, -1.0]
    out, _ = finite(rows, objective)
    assert out.metrics["policy/tis_weight_mean"].value() == pytest.approx((2 + 0 + 1) / 3, abs=1e-6)
    rows[0]["sampler"] = [NEVER, -1.0, NEVER]  # log-ratios count as 1e6, -1e6 and 1e6: far from a mean of 0
    masked, _ = finite(rows, replace(objective, mis_cap=2.0))
    assert masked.metrics["policy/mis_masked_frac"].value() == 1


def test_options_without_what_they_ask_for_are_errors():
    batch = tensors([row([-1.0], [-0.7])])
    for objective, wanted in (
        (replace(VARIANTS["grpo"], kl=KlConfig(coef=0.1)), "reference"),
        (replace(VARIANTS["grpo"], tis_cap=2.0), "sampler"),
        (replace(VARIANTS["grpo"], mis_cap=2.0), "objective.mis_cap requires the sampler"),
        (VARIANTS["dapo_group"], "requires the prompt of each row"),
    ):
        with pytest.raises(ValueError, match=wanted):
            policy_loss(*batch, objective)


def test_a_kernel_without_decay_is_bounded():
    """W = e^11 to the power 10 is e^110, beyond float32; the weight is held at e^20."""
    kernel = KernelConfig(power_positive=10.0, decay_positive=1e-9)
    rows = [row([-12.0], [-1.0]), row([-12.0], [-1.0], adv=0.0)]
    _, gradient = finite(rows, replace(VARIANTS["vespo"], kernel=kernel))
    # token mean over two tokens: half of the weight, and nothing where A = 0
    assert gradient[:, 0].tolist() == pytest.approx([-(math.e**20) / 2, 0.0], rel=1e-5)


@pytest.mark.parametrize("threshold", [1e-8, 1e-6])
def test_a_small_divergence_is_its_quadratic(threshold):
    """KL(q || q (1 + x)) is about q x^2 / (2 (1 - q)) near 0, so that x = sqrt(2 threshold (1 - q) / q)."""
    q_T = torch.tensor([[0.001, 0.1, 0.5, 0.9]], dtype=torch.float64)
    wanted_T = (2 * threshold * (1 - q_T) / q_T).sqrt()
    for bound_T in kl_bounds(q_T.log(), ClipConfig(low=threshold, high=threshold)):
        assert torch.allclose(bound_T, wanted_T, rtol=0.02, atol=0)
