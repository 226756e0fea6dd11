"""TRL's rows of the table of differences, in numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sspo.config import ClipConfig
from tests.frameworks.agreements import OUR_TRL_RLOO, TRL, TRL_RLOO, VERL, amended
from tests.frameworks.batch import by_hand
from tests.frameworks.losses import TrlLoss
from tests.frameworks.ours import advantages, ours
from tests.frameworks.trl_losses import make_trainer, trl, trl_advantages
from tests.frameworks.verl_losses import verl

log = math.log
SEQUENCE = {"importance_sampling_level": "sequence"}


def grads(result):
    return [pytest.approx(row) for row in result.grad_BT.tolist()]


def test_trl_averages_over_tokens():
    # Responses of 1 and 3 tokens, A = 1 and -1, all ratios 1: (-1 + 1) / 2 = 0 a response, (-1 + 3) / 4 = .5 a token.
    batch = by_hand([[0.0], [0.0, 0.0, 0.0]], [1.0, -1.0])
    assert trl(TrlLoss(), batch).value == pytest.approx(0.5)
    assert trl(TrlLoss(options=SEQUENCE), batch).value == pytest.approx(0.5)
    assert ours("grpo", batch).value == ours("gspo", batch).value == pytest.approx(0)


def test_trl_shares_one_epsilon():
    # Ratio 1.25: DAPO's 1.28 lets it pass, TRL's dapo holds it at 1.2. At sequence level 1.2 and not 1 + 4e-4.
    batch = by_hand([[log(1.25)]], [1.0])
    assert ours("dapo", batch).value == pytest.approx(-1.25)
    assert trl(TrlLoss(options={"loss_type": "dapo"}), batch).value == pytest.approx(-1.2)
    assert ours("gspo", batch).value == pytest.approx(-1.0004)
    assert trl(TrlLoss(options={"loss_type": "grpo", **SEQUENCE}), batch).value == pytest.approx(-1.2)
    assert trl(TrlLoss(options={"loss_type": "luspo", **SEQUENCE}), batch).value == pytest.approx(-1.2)
    assert trl(TRL["luspo"], batch).value == ours("luspo", batch).value == pytest.approx(-1.0025)


def test_trl_caps_cispo_at_epsilon_high():
    # The gradient of -weight A logp is -weight A / 2 tokens. Ratios 1 and 6: weights .2 and .2, with a cap of 5 1 and 5.
    batch = by_hand([[0.0, log(6)]], [1.0])
    assert grads(trl(TrlLoss(options={"loss_type": "cispo"}), batch)) == [[-0.1, -0.1]]
    assert grads(trl(TRL["cispo"], batch)) == [[-0.5, -2.5]]
    # A = 1 and A = -1 at ratio 6: both weights are capped, one token of two is counted.
    batch = by_hand([[log(6)], [log(6)]], [1.0, -1.0])
    assert trl(TRL["cispo"], batch).metrics["cispo_clip_ratio"] == pytest.approx(0.5)


def test_trl_adds_1e_4_to_the_std():
    # r = 1, 0: .5 / (sqrt(.5) + 1e-4) = .70701, ours .5 / (sqrt(.5) + 1e-6) = .70711.
    reward_PG = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    for epsilon, advantage_PG in (
        (1e-4, trl_advantages(TrlLoss(), reward_PG)),
        (1e-6, advantages("grpo", reward_PG)),
    ):
        wanted = 0.5 / (math.sqrt(0.5) + epsilon)
        assert advantage_PG.tolist() == [[pytest.approx(wanted, rel=1e-6), pytest.approx(-wanted, rel=1e-6)]]


def test_trl_divides_by_the_std():
    # r = 1, 0: .5 / sqrt(.5) = .707 by default, .5 in ours.
    reward_PG = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    for name in ("dr_grpo", "vespo"):
        default_PG = trl_advantages(TrlLoss(options={"loss_type": name}), reward_PG)
        assert float(default_PG[0, 0]) == pytest.approx(math.sqrt(0.5), rel=1e-3)
        assert advantages(name, reward_PG).tolist() == [[0.5, -0.5]]


def test_trl_leaves_rounding_in_equal_groups():
    # The float32 mean of three times .9 is .9 - 2^-24, over 1e-4.
    equal_PG = torch.full((1, 3), 0.9)
    assert trl_advantages(TrlLoss(), equal_PG).tolist() == [[pytest.approx(2**-24 / 1e-4, rel=1e-2)] * 3]
    assert advantages("grpo", equal_PG).tolist() == [[0.0] * 3]


def test_trl_counts_clipped_responses():
    # A response of 1 token is clipped, one of 3 is not: half of the responses, a quarter of the tokens.
    batch = by_hand([[log(1.1)], [0.0, 0.0, 0.0]], [1.0, 1.0])
    assert trl(TRL["gspo"], batch).metrics["clip_ratio/region_mean"] == pytest.approx(0.5)
    metrics = ours("gspo", batch).metrics
    assert metrics["policy/clip_frac"] == pytest.approx(0.25)
    assert metrics["policy/clip_frac_response"] == pytest.approx(0.5)


def test_trl_counts_tokens_over_the_generation_batch():
    # One generation of a response of 1 and one of 3 tokens in two optimizer steps, A = 1, ratios 1: an average step has
    # 2 tokens, so the steps' losses are -1 / 2 and -3 / 2; the token mean of each is -1.
    whole = by_hand([[0.0], [0.0, 0.0, 0.0]], [1.0, 1.0])
    two_steps = amended(TRL["dapo"], steps_per_generation=2)
    steps = [trl(two_steps, whole.rows(i, i + 1), whole=whole).value for i in (0, 1)]
    assert steps == [pytest.approx(-0.5), pytest.approx(-1.5)]
    assert [ours("dapo", whole.rows(i, i + 1)).value for i in (0, 1)] == [pytest.approx(-1)] * 2
    # VESPO's kernel is 1 at a ratio of 1: its gradients are -1 / 2 per token in every step, not -1 / 1 and -1 / 3.
    two_steps = amended(TRL["vespo"], steps_per_generation=2)
    steps = [grads(trl(two_steps, whole.rows(i, i + 1), whole=whole)) for i in (0, 1)]
    assert steps == [[[-0.5, 0, 0]], [[-0.5, -0.5, -0.5]]]
    assert grads(ours("vespo", whole.rows(1, 2))) == [[-1 / 3, -1 / 3, -1 / 3]]


def test_trl_bnpo_averages_over_micro_batches():
    # One step accumulated over a response of 1 token (A = 1) and one of 3 (A = -1): (-1 + 1) / 2 = 0, the batch's token
    # mean is (-1 + 3) / 4.
    whole = by_hand([[0.0], [0.0, 0.0, 0.0]], [1.0, -1.0])
    accumulated = TrlLoss(options={"loss_type": "bnpo", "gradient_accumulation_steps": 2})
    assert sum(trl(accumulated, whole.rows(i, i + 1)).value for i in (0, 1)) == pytest.approx(0)
    assert ours("dapo", whole).value == pytest.approx(0.5)


def test_trl_never_bounds_the_log_ratio():
    batch = by_hand([[800.0]], [-1.0])
    for name in ("grpo", "gspo", "luspo"):
        theirs, mine = trl(TRL[name], batch), ours(name, batch)
        assert math.isinf(theirs.value)
        assert not torch.isfinite(theirs.grad_BT).any()
        assert mine.value == pytest.approx(math.exp(20))
        assert torch.isfinite(mine.grad_BT).all()


def test_trl_trains_as_if_on_policy_without_old_logps():
    # Ratio 2 would be clipped to 1.2; without old log-probabilities it is 1 and the gradient passes.
    batch = by_hand([[log(2)]], [1.0])
    assert (trl(TRL["grpo"], batch).value, grads(trl(TRL["grpo"], batch))) == (pytest.approx(-1.2), [[0]])
    unknown = trl(TRL["grpo"], batch, old_logp=False)
    assert (unknown.value, grads(unknown)) == (pytest.approx(-1), [[-1]])
    trainer = make_trainer(TrlLoss(), torch.tensor([1.0, 0.0]), responses=2)
    assert "old_per_token_logps" not in trainer._generate_and_score_completions([{"prompt": "4 * 2 ?"}] * 2)


def test_trl_takes_token_ratios_for_luspo():
    # Log-ratios .01 and -.01, A = 1: their mean is 0, so that both tokens pass at ratio 1 and the sum is 2; token ratios with
    # LUSPO's bounds are 1.0025 (clipped) and exp(-.01).
    batch = by_hand([[0.01, -0.01]], [1.0])
    at_default = amended(TRL["luspo"], importance_sampling_level="token")
    assert make_trainer(TrlLoss(options={"loss_type": "luspo"})).importance_sampling_level == "token"
    assert trl(at_default, batch).value == pytest.approx(-1.0025 - math.exp(-0.01))
    assert trl(TRL["luspo"], batch).value == ours("luspo", batch).value == pytest.approx(-2)


def test_trl_bounds_each_token_of_vespo():
    # Log-ratios 25 and -21: 20 - 20 = 0 where each is held, a kernel of 1; their sum is 4 and its kernel vanishes.
    batch = by_hand([[25.0, -21.0]], [1.0])
    assert grads(trl(TRL["vespo"], batch)) == [[-0.5, -0.5]]
    kernel = math.exp(4) ** 2 * math.exp(3 * (1 - math.exp(4)))
    assert kernel < 1e-60
    assert grads(ours("vespo", batch)) == [[pytest.approx(-kernel / 2, abs=1e-66)] * 2]


def test_trl_leaves_delta_out_of_the_clip_ratio():
    # A = -1 at ratio 10: with delta 3 the loss is 3 and has no gradient, and nothing counts as clipped.
    batch = by_hand([[log(10)]], [-1.0])
    theirs = trl(amended(TRL["grpo"], delta=3.0), batch)
    assert (theirs.value, grads(theirs)) == (pytest.approx(3), [[0]])
    assert theirs.metrics["clip_ratio/region_mean"] == 0
    mine = ours("grpo", batch, options={"clip": ClipConfig(low=0.2, high=0.2, dual=2.0)})
    assert (mine.value, grads(mine)) == (pytest.approx(3), [[0]])
    assert mine.metrics["policy/clip_frac_high"] == 1
    assert make_trainer(TrlLoss()).args.delta is None


def test_trl_weights_k3_by_the_ratio():
    # One token, A = 0, ratio 2, reference 1 nat below: k3 = e^-1 - (-1) - 1 = e^-1; beta 1 gives 2 e^-1 weighted, whose
    # gradient is 2 k3 + 2 (1 - e^-1) = 2; unweighted 1 - e^-1.
    batch = by_hand([[log(2)]], [0.0])
    reference_BT = batch.logp_BT - 1
    weighted = trl(amended(TRL["grpo"], beta=1.0), batch, ref_logp_BT=reference_BT)
    assert (weighted.value, grads(weighted)) == (pytest.approx(2 / math.e), [[2]])
    plain = trl(amended(TRL["grpo"], beta=1.0, use_bias_correction_kl=False), batch, ref_logp_BT=reference_BT)
    assert (plain.value, grads(plain)) == (pytest.approx(1 / math.e), [[1 - 1 / math.e]])


def test_trl_masks_responses_by_default():
    args = make_trainer(TrlLoss()).args
    assert args.vllm_importance_sampling_correction
    assert args.vllm_importance_sampling_mode == "sequence_mask"
    assert args.vllm_importance_sampling_clip_max == 3.0


def test_trl_takes_the_weights_into_vespos_kernel():
    # Two tokens of ratio 1 and weights 2 and 1, A = 1, logp -1: the response's ratio is 2 and its kernel 2^2 exp(3 (1 - 2)) =
    # .199 for both tokens; in ours the kernel is 1 and the tokens weigh 2 and 1.
    batch = by_hand([[0.0, 0.0]], [1.0])
    weight_BT = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
    theirs = trl(TRL["vespo"], batch, weight_BT=weight_BT)
    kernel = 4 * math.exp(-3)
    assert (theirs.value, grads(theirs)) == (pytest.approx(kernel), [[-kernel / 2, -kernel / 2]])
    mine = ours("vespo", batch, options={"tis_cap": 2.0}, sampler_logp_BT=batch.old_logp_BT - weight_BT.log())
    assert (mine.value, grads(mine)) == (pytest.approx(1.5), [[-1, -0.5]])


def test_trl_spreads_token_weights_over_the_response():
    # Two tokens of ratio 1 and weights 2 and 1, A = 1: the loss is -(2 + 1) / 2, its gradient -2 / 2 and -1 / 2 a token, or
    # -1.5 / 2 each.
    batch = by_hand([[0.0, 0.0]], [1.0])
    weight_BT = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
    theirs = trl(TRL["gspo"], batch, weight_BT=weight_BT)
    assert (theirs.value, grads(theirs)) == (pytest.approx(-1.5), [[-0.75, -0.75]])
    per_token = verl(VERL["gspo"], batch, weight_BT=weight_BT)
    assert (per_token.value, grads(per_token)) == (pytest.approx(-1.5), [[-1, -0.5]])


def test_trl_rloo_is_another_algorithm():
    # Two tokens of ratio 1.15: each is inside 1.2, their product 1.3225 is not.
    batch = by_hand([[log(1.15), log(1.15)]], [1.0])
    product = trl(TRL_RLOO, batch)
    assert (product.value, grads(product)) == (pytest.approx(-1.2), [[0, 0]])
    assert ours("dapo", batch).value == pytest.approx(-1.15)
    assert make_trainer(TRL_RLOO).beta == 0.05
    # At ratios 1 the gradient is -1 per token there and here; the value is -1 there and -2, for two tokens, here.
    batch = by_hand([[0.0, 0.0]], [1.0])
    mine, theirs = ours("rloo", batch, options=OUR_TRL_RLOO), trl(TRL_RLOO, batch)
    assert grads(mine) == [[-1, -1]]
    assert grads(theirs) == [[-1, -1]]
    assert (mine.value, theirs.value) == (pytest.approx(-2), pytest.approx(-1))
