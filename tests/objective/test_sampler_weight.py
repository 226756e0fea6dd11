"""Truncated and masked importance sampling by hand: value, gradient, metrics, and what the loss divides by."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sspo.config import KlConfig
from sspo.metrics import merge_all
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.objective.ragged import context_of, tensors

ON_POLICY = replace(VARIANTS["grpo"], aggregation="token_mean")


def row(*weights, adv):
    """A response on policy (every ratio 1), whose tokens have these pi_trainer / pi_sampler."""
    n = len(weights)
    old = [-1.0] * n
    sampler = [-1.0 - math.log(w) for w in weights]
    return {
        "old": old, "logp": old, "adv": adv, "entropy": [0.5] * n, "seg": [0] * n, "reference": [-1.5] * n, "sampler": sampler,
    }  # fmt: skip


ROWS = [
    row(2.0, 0.5, adv=1.0),  # geometric mean sqrt(2 * .5) = 1: kept, however far its tokens are apart
    row(1.5, 1.5, 1.0, adv=2.0),  # (2.25)^(1/3) = 1.31: masked at 1.3
    row(0.6, adv=-1.0),  # .6 < 1 / 1.3 = .769: masked
]


def evaluated(objective, rows=ROWS):
    logp, *rest = tensors(rows)
    logp.requires_grad_()
    out = policy_loss(logp, *rest, objective, context=context_of(rows, objective))
    out.loss.backward()
    gradient = [mine[: len(of["seg"])].tolist() for mine, of in zip(logp.grad, rows, strict=True)]
    return float(out.loss.detach()), gradient, {key: m.value() for key, m in out.metrics.items()}


def test_a_masked_response_weighs_nothing_and_stays_in_what_the_loss_divides_by():
    loss, gradient, metrics = evaluated(replace(ON_POLICY, mis_cap=1.3))
    # six tokens in all; the first response alone counts: terms 1 and 1 -> loss -2 / 6, each token -1 / 6
    assert loss == pytest.approx(-1 / 3)
    assert gradient[0] == pytest.approx([-1 / 6, -1 / 6])
    assert gradient[1:] == [[0.0, 0.0, 0.0], [0.0]]
    assert metrics["policy/mis_masked_frac"] == pytest.approx(2 / 3)
    assert "policy/tis_weight_mean" not in metrics


def test_truncation_and_masking_are_multiplied():
    loss, gradient, metrics = evaluated(replace(ON_POLICY, mis_cap=1.3, tis_cap=1.2))
    # of the first response min(2, 1.2) = 1.2 and .5: (1.2 + .5) / 6
    assert loss == pytest.approx(-1.7 / 6)
    assert gradient[0] == pytest.approx([-1.2 / 6, -0.5 / 6])
    assert gradient[1:] == [[0.0, 0.0, 0.0], [0.0]]
    # of truncation's own metrics masking takes nothing: (1.2 + .5 + 1.2 + 1.2 + 1 + .6) / 6, three at the cap
    assert metrics["policy/tis_weight_mean"] == pytest.approx(5.7 / 6)
    assert metrics["policy/tis_capped_frac"] == pytest.approx(3 / 6)


def test_a_wide_cap_masks_nothing_and_changes_no_bit():
    plain, masked = evaluated(ON_POLICY), evaluated(replace(ON_POLICY, mis_cap=2.0))
    assert masked[:2] == plain[:2]
    assert masked[2] == plain[2] | {"policy/mis_masked_frac": 0.0}


def test_a_masked_response_keeps_its_penalty():
    _, gradient, _ = evaluated(replace(ON_POLICY, mis_cap=1.3, kl=KlConfig(coef=0.3, estimator="k2")))
    # k2 = x^2 / 2 of x = -1.5 + 1 = -.5: slope in logp is -x = .5, over six tokens .3 * .5 / 6
    assert gradient[2] == pytest.approx([0.3 * 0.5 / 6])


def test_micro_batches_mask_as_the_batch_does():
    objective = replace(ON_POLICY, mis_cap=1.3, tis_cap=1.2)
    loss, _, whole = evaluated(objective)
    context, columns = context_of(ROWS, objective), tensors(ROWS)
    parts = [
        policy_loss(*(x[i : i + 1] for x in columns), objective, context=context.rows(slice(i, i + 1)))
        for i in range(3)
    ]
    assert sum(float(part.loss) for part in parts) == pytest.approx(loss, abs=1e-12)
    merged = merge_all([part.metrics for part in parts])
    assert merged["policy/mis_masked_frac"].value() == whole["policy/mis_masked_frac"]
