"""TRL's rows of the table of differences, in numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from tests.frameworks.agreements import TRL, VERL, amended
from tests.frameworks.batch import by_hand
from tests.frameworks.ours import advantages, ours
from tests.frameworks.trl_losses import TrlLoss, make_trainer, trl, trl_advantages
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


def test_trl_bnpo_averages_over_micro_batches():
    # One step accumulated over a response of 1 token (A = 1) and one of 3 (A = -1): (-1 + 1) / 2 = 0, the batch's token
    # mean is (-1 + 3) / 4.
    whole = by_hand([[0.0], [0.0, 0.0, 0.0]], [1.0, -1.0])
    accumulated = TrlLoss(options={"loss_type": "bnpo", "gradient_accumulation_steps": 2})
    assert sum(trl(accumulated, whole.rows(i, i + 1)).value for i in (0, 1)) == pytest.approx(0)
    assert ours("dapo", whole).value == pytest.approx(0.5)


def test_trl_never_bounds_the_log_ratio():
    batch = by_hand([[800.0]], [-1.0])
    for name in ("grpo", "gspo"):
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
    product = trl(TrlLoss(trainer="rloo"), batch)
    assert (product.value, grads(product)) == (pytest.approx(-1.2), [[0, 0]])
    assert ours("dapo", batch).value == pytest.approx(-1.15)
    assert make_trainer(TrlLoss(trainer="rloo")).beta == 0.05
