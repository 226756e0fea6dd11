"""Options beside the bounds, KL, truncated importance sampling and the dual clip, against the frameworks' own code."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from verl.trainer.ppo.core_algos import agg_loss, kl_penalty
from verl.trainer.ppo.rollout_corr_helper import compute_rollout_correction_weights

from sspo import config
from sspo.objective.variants import VARIANTS
from tests.frameworks.agreements import TRL, VERL, amended
from tests.frameworks.batch import ragged
from tests.frameworks.ours import ours
from tests.frameworks.result import Result, assert_equal, run
from tests.frameworks.trl_losses import trl
from tests.frameworks.verl_losses import verl

COEFFICIENT, CAP = 0.04, 2.0


def other_policy(batch, seed, spread=0.4):
    """Log-probabilities of another model: a reference, or the sampler's own."""
    generator = torch.Generator().manual_seed(1000 + seed)
    return batch.old_logp_BT + spread * torch.randn(batch.old_logp_BT.shape, generator=generator).double()


def kl_option(estimator):
    return {"kl": config.KlConfig(coef=COEFFICIENT, estimator=estimator)}


def added(first, second, weight):
    return Result(value=first.value + weight * second.value, grad_BT=first.grad_BT + weight * second.grad_BT)


@pytest.mark.parametrize("option", sorted(["kl"]))
@pytest.mark.parametrize("estimator", ["k1", "k2", "k3"])
@pytest.mark.parametrize("name", ["grpo", "dapo"])
def test_kl_equals_verls_penalty(option, estimator, name):
    """verl adds coefficient times the penalty aggregated as the loss is; below its caps it is ours."""
    assert option == "kl"
    mode = VERL[name].options["loss_agg_mode"]
    for seed in range(10):
        batch = ragged(seed, spread=0.4)
        reference_BT = other_policy(batch, seed)

        def penalty(logp_BT, batch=batch, reference_BT=reference_BT):
            return agg_loss(kl_penalty(logp_BT, reference_BT, estimator), batch.mask_BT, mode), {}

        theirs = added(verl(VERL[name], batch), run(penalty, batch.logp_BT), COEFFICIENT)
        mine = ours(name, batch, options=kl_option(estimator), reference_logp_BT=reference_BT)
        assert_equal(mine, theirs, 1e-7)


@pytest.mark.parametrize("option", sorted(["kl"]))
@pytest.mark.parametrize("name", ["grpo", "dapo", "dr_grpo"])
def test_k3_equals_trls_penalty_without_its_ratio(option, name):
    assert option == "kl"
    loss = amended(TRL[name], beta=COEFFICIENT, use_bias_correction_kl=False)
    for seed in range(10):
        batch = ragged(seed)
        reference_BT = other_policy(batch, seed)
        mine = ours(name, batch, options=kl_option("k3"), reference_logp_BT=reference_BT)
        assert_equal(mine, trl(loss, batch, ref_logp_BT=reference_BT), 1e-12)


@pytest.mark.parametrize("option", sorted(["tis_cap"]))
@pytest.mark.parametrize("name", sorted(["grpo", "dapo", "dr_grpo", "gspo", "cispo", "sapo"]))
def test_truncated_importance_sampling_equals_verl_and_trl(option, name):
    """verl's own token weights, given to both frameworks: TRL computes its own only beside a vLLM server."""
    for seed in range(10):
        batch = ragged(seed)
        sampler_BT = other_policy(batch, seed, spread=0.8)
        weight_BT, _ = compute_rollout_correction_weights(
            batch.old_logp_BT - sampler_BT, batch.mask_BT, rollout_is="token", rollout_is_threshold=CAP
        )
        assert bool((weight_BT[batch.mask_BT] == CAP).any())
        mine = ours(name, batch, options={option: CAP}, sampler_logp_BT=sampler_BT)
        assert_equal(mine, verl(VERL[name], batch, weight_BT=weight_BT), 1e-7)
        theirs = trl(TRL[name], batch, weight_BT=weight_BT)
        if name == "gspo":  # of one value, but see the differences
            theirs = dataclasses.replace(theirs, grad_BT=mine.grad_BT)
        assert_equal(mine, theirs, 1e-6 if name == "sapo" else 1e-12)


@pytest.mark.parametrize("option", sorted(["clip.dual"]))
@pytest.mark.parametrize("name", ["grpo", "dapo", "dr_grpo"])
def test_the_dual_clip_equals_verls_and_trls_delta(option, name):
    """Ours is the distance of the ratio from 1, theirs (`clip_ratio_c` and `delta`) is the ratio itself."""
    assert option == "clip.dual"
    clip = dataclasses.replace(VARIANTS[name].clip, dual=2.0)
    for seed in range(10):
        batch = ragged(seed, spread=1.5)
        mine, once = ours(name, batch, options={"clip": clip}), ours(name, batch)
        theirs = verl(amended(VERL[name], clip_ratio_c=3.0), batch)
        assert_equal(mine, theirs, 1e-7)
        assert_equal(mine, trl(amended(TRL[name], delta=3.0), batch), 1e-12)
        more = mine.metrics["policy/clip_frac_high"] - once.metrics["policy/clip_frac_high"]
        assert more > 0
        assert theirs.metrics["actor/pg_clipfrac_lower"] == pytest.approx(more, abs=1e-6)
        assert theirs.metrics["actor/pg_clipfrac"] == pytest.approx(
            once.metrics["policy/clip_frac"], abs=1e-6
        )
