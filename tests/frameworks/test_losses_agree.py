"""Our variants and the frameworks' own loss functions on the same tensors: value and gradient."""

from __future__ import annotations

import dataclasses
from importlib.metadata import version

import pytest
import torch

from sspo.config import BoundsConfig, ClipConfig
from tests.frameworks.agreements import (
    OPTIONS,
    OUR_TRL_RLOO,
    TRL,
    TRL_ADVANTAGES,
    TRL_RLOO,
    VERL,
    VERL_ADVANTAGES,
    VERL_GRADIENTS,
    amended,
    known,
)
from tests.frameworks.batch import GROUP, WIDTH, Batch, by_hand, ragged
from tests.frameworks.differences import NOWHERE, VERSIONS
from tests.frameworks.losses import NO_DUAL_CLIP, TrlLoss, VerlLoss
from tests.frameworks.ours import ours
from tests.frameworks.result import Result, assert_equal, assert_equal_gradients
from tests.frameworks.trl_losses import trl
from tests.frameworks.verl_losses import verl

SEEDS = range(10)
VERL_TOLERANCE = 1e-7
"""verl divides by lengths plus 1e-8: a relative error of 1e-8 for a response of one token; the rest is float64."""
TRL_TOLERANCE = {"sapo": 1e-6}
"""TRL's temperatures are float32 (1.05 is off by 5e-8); all else is float64 and compared to 1e-12."""


def test_the_installed_frameworks_are_the_ones_that_were_read():
    assert {name: version(name.lower()) for name in VERSIONS} == VERSIONS


def test_every_foreign_oracle_has_its_variant():
    proven = {*VERL, *VERL_GRADIENTS, *TRL, *VERL_ADVANTAGES, *TRL_ADVANTAGES, *OPTIONS}
    assert proven <= known()


@pytest.mark.parametrize("name", sorted(set(VERL) - {"dapo_group"}))
def test_value_and_gradient_equal_verl(name):
    for seed in SEEDS:
        batch = ragged(seed)
        assert_equal(ours(name, batch), verl(VERL[name], batch), VERL_TOLERANCE)


@pytest.mark.parametrize("name", sorted(TRL))
def test_value_and_gradient_equal_trl(name):
    for seed in SEEDS:
        batch = ragged(seed)
        assert_equal(ours(name, batch), trl(TRL[name], batch), TRL_TOLERANCE.get(name, 1e-12))


def probable(seed: int) -> Batch:
    """A batch of log-probabilities below 0 without an advantage of 0: probabilities are those of binary divergences."""
    batch = ragged(seed)
    advantage_BT = torch.where(batch.advantage_BT == 0, 0.5, batch.advantage_BT)
    return dataclasses.replace(batch, logp_BT=batch.logp_BT.clamp(max=-1e-3), advantage_BT=advantage_BT)


@pytest.mark.parametrize("name", sorted(VERL_GRADIENTS))
def test_gradient_and_share_of_masked_tokens_equal_verl(name):
    for seed in SEEDS:
        batch = probable(seed)
        mine, theirs = ours(name, batch), verl(VERL_GRADIENTS[name], batch)
        assert_equal_gradients(mine, theirs, VERL_TOLERANCE)
        clipped = mine.metrics["policy/clip_frac"]
        assert 0.05 < clipped < 0.95
        assert theirs.metrics["actor/pg_clipfrac"] == pytest.approx(clipped, abs=1e-6)


@pytest.mark.parametrize("name", sorted(VERL_GRADIENTS))
def test_the_mask_equals_verls_on_a_grid_of_probabilities(name):
    """From a millionth to all but a millionth, before and after, with A = 1 and A = -1."""
    edge_N = torch.logspace(-6, -2, 6, dtype=torch.float64)
    middle_N = torch.rand(68, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    logp_N = torch.cat([edge_N, middle_N, 1 - edge_N]).log()
    tokens = len(logp_N)
    batch = by_hand([[0.0] * tokens] * 2 * tokens, [1.0] * tokens + [-1.0] * tokens)
    batch = dataclasses.replace(
        batch,
        logp_BT=logp_N.expand(2 * tokens, -1),
        old_logp_BT=logp_N.repeat(2)[:, None].expand(-1, tokens),
    )
    theirs = verl(amended(VERL_GRADIENTS[name], clip_ratio_c=NO_DUAL_CLIP), batch)
    masked_BT = theirs.grad_BT == 0
    assert 0.1 < float(masked_BT.double().mean()) < 0.9
    assert torch.equal(ours(name, batch).grad_BT == 0, masked_BT)


@pytest.mark.parametrize("name", sorted(["rloo"]))
def test_gradient_and_share_of_clipped_responses_equal_trls_rloo_under_a_summed_ratio(name):
    """TRL's value is the mean of terms of responses; ours is that of terms times lengths, for the same gradient."""
    shares = []
    for seed in SEEDS:
        batch = ragged(seed)
        mine, theirs = ours(name, batch, options=OUR_TRL_RLOO), trl(TRL_RLOO, batch)
        assert_equal_gradients(mine, theirs, 1e-12)
        shares.append(mine.metrics["policy/clip_frac_response"])
        assert theirs.metrics["clip_ratio/region_mean"] == pytest.approx(shares[-1], abs=1e-6)
        as_mean = ours(name, batch, options={**OUR_TRL_RLOO, "aggregation": "response_mean"})
        assert as_mean.value == pytest.approx(theirs.value, rel=1e-12)
    assert min(shares) > 0.05
    assert max(shares) < 0.95


@pytest.mark.parametrize("name", sorted(["gspo", "luspo"]))
def test_the_share_of_clipped_responses_equals_trl_at_sequence_level(name):
    for seed in SEEDS:
        batch = ragged(seed)
        clipped = ours(name, batch).metrics["policy/clip_frac_response"]
        assert 0.05 < clipped < 0.95
        assert trl(TRL[name], batch).metrics["clip_ratio/region_mean"] == pytest.approx(clipped, abs=1e-6)


@pytest.mark.parametrize("name", sorted(["grpo", "dapo", "dr_grpo", "gspo", "luspo", "rloo"]))
def test_the_share_of_clipped_tokens_equals_verl(name):
    """verl counts in float32. Also guards the tests above: something was clipped, and not everything."""
    for seed in SEEDS:
        batch = ragged(seed)
        clipped = ours(name, batch).metrics["policy/clip_frac"]
        assert 0.05 < clipped < 0.95
        assert verl(VERL[name], batch).metrics["actor/pg_clipfrac"] == pytest.approx(clipped, abs=1e-6)


@pytest.mark.parametrize("name", sorted(["grpo", "dapo", "dr_grpo", "gmpo"]))
def test_the_share_clipped_on_each_side_equals_trl_at_token_level(name):
    for seed in SEEDS:
        batch = ragged(seed)
        mine, theirs = ours(name, batch).metrics, trl(TRL[name], batch).metrics
        for side in ("low", "high"):
            assert theirs[f"clip_ratio/{side}_mean"] == pytest.approx(
                mine[f"policy/clip_frac_{side}"], abs=1e-6
            )


@pytest.mark.parametrize("name", sorted(["dapo_group"]))
def test_dapo_by_group_is_the_mean_of_verls_token_means_over_prompts(name):
    for seed in SEEDS:
        batch = ragged(seed)
        starts = range(0, len(batch.mask_BT), GROUP)
        per_prompt = [verl(VERL[name], batch.rows(start, start + GROUP)) for start in starts]
        theirs = Result(
            value=sum(result.value for result in per_prompt) / len(per_prompt),
            grad_BT=torch.cat([result.grad_BT for result in per_prompt]) / len(per_prompt),
        )
        tokens_P = batch.mask_BT.sum(1).reshape(-1, GROUP).sum(1)
        weight_B = (GROUP / tokens_P.double()).repeat_interleave(GROUP)
        assert_equal(ours(name, batch, group_weight_B=weight_B), theirs, VERL_TOLERANCE)


@pytest.mark.parametrize(("level", "segments"), [("grpo", "own"), ("gspo", "one")])
def test_sspo_with_fixed_bounds_is_theirs_at_both_ends(level, segments):
    """Every token its own segment is verl's vanilla loss and TRL's token level; one segment is their GSPO."""
    low, high = 0.003, 0.004
    fixed = {"bounds": BoundsConfig(), "clip": ClipConfig(low=low, high=high)}
    verl_bounds = {"clip_ratio_low": low, "clip_ratio_high": high}
    for seed in SEEDS:
        batch = ragged(seed)
        ids_T = torch.arange(WIDTH) * (segments == "own")
        batch = dataclasses.replace(batch, segment_id_BT=torch.where(batch.mask_BT, ids_T, -1))
        mine = ours("sspo", batch, options=fixed)
        assert 0.05 < mine.metrics["policy/clip_frac"] < 0.95
        assert_equal(mine, verl(amended(VERL[level], **verl_bounds), batch), VERL_TOLERANCE)
        assert_equal(mine, trl(amended(TRL[level], epsilon=low, epsilon_high=high), batch), 1e-12)


STARTS = range(0, 12, 4)


def put_together(shares: list[Result]) -> Result:
    """The loss whose shares are those of the micro-batches, one below the other."""
    return Result(
        value=sum(share.value for share in shares), grad_BT=torch.cat([share.grad_BT for share in shares])
    )


@pytest.mark.parametrize("name", sorted(set(VERL) - {"gmpo", "dapo_group"}))
def test_verls_micro_batches_add_up_to_our_whole_batch(name):
    whole = ragged(1)
    shares = [verl(VERL[name], whole.rows(start, start + 4), whole=whole) for start in STARTS]
    assert_equal(ours(name, whole), put_together(shares), VERL_TOLERANCE)


@pytest.mark.parametrize("name", sorted(VERL_GRADIENTS))
def test_gradients_of_verls_micro_batches_are_those_of_our_whole_batch(name):
    whole = probable(1)
    shares = [verl(VERL_GRADIENTS[name], whole.rows(start, start + 4), whole=whole) for start in STARTS]
    assert_equal_gradients(ours(name, whole), put_together(shares), VERL_TOLERANCE)


@pytest.mark.parametrize("name", sorted(["dapo", "cispo", "grpo", "luspo", "vespo"]))
def test_trls_steps_of_equally_many_responses_add_up_to_our_whole_batch(name):
    """TRL counts the tokens of `dapo`, `cispo` and `vespo` over accumulation, and divides the rest by its steps."""
    whole = ragged(1)
    accumulated = amended(TRL[name], gradient_accumulation_steps=len(STARTS))
    shares = [trl(accumulated, whole.rows(start, start + 4), whole=whole) for start in STARTS]
    assert_equal(ours(name, whole), put_together(shares), 1e-12)


def test_a_fully_masked_response_counts_as_one_in_verls_trainer_and_in_trl():
    batch = ragged(2)
    batch.mask_BT[3] = False
    batch.segment_id_BT[3] = -1
    for name in ("grpo", "dr_grpo", "dapo", "gspo", "luspo"):
        assert_equal(ours(name, batch), verl(VERL[name], batch), VERL_TOLERANCE)
        assert_equal(ours(name, batch), trl(TRL[name], batch), 1e-12)


@pytest.mark.parametrize("name", NOWHERE)
def test_neither_framework_has_it(name):
    plain = name.removesuffix("_clip")
    with pytest.raises(ValueError, match="Unsupported loss mode"):
        verl(VerlLoss(mode=plain), ragged(0))
    with pytest.raises(ValueError, match="Unknown loss type"):
        trl(TrlLoss(options={"loss_type": plain}), ragged(0))


def test_one_loss_mode_of_verl_is_not_another():
    """The comparison can fail: the same tensors under the wrong mode or aggregation are far apart."""
    batch = ragged(0)
    value = ours("grpo", batch).value
    for wrong in (VERL["dapo"], VERL["gspo"], VERL["dr_grpo"], VerlLoss()):
        assert abs(verl(wrong, batch).value - value) > 1e-3
