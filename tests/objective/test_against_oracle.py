"""Every variant, and points of the product that have no name, against a float64 oracle with loops."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sspo.config import AGGREGATIONS, RATIOS, TERMS, BoundsConfig, ClipConfig, ObjectiveConfig
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.objective import oracle
from tests.objective.ragged import ragged_rows, tensors

OBJECTIVES = st.builds(
    ObjectiveConfig,
    ratio=st.sampled_from(RATIOS),
    term=st.sampled_from(TERMS),
    aggregation=st.sampled_from(AGGREGATIONS),
    clip=st.builds(ClipConfig, low=st.sampled_from([0.003, 0.05, 0.2]), high=st.sampled_from([0.004, 0.28])),
    bounds=st.builds(
        BoundsConfig,
        adapt=st.sampled_from(["none", "tanh", "linear"]),
        alpha=st.sampled_from([-0.5, 0.0, 0.5]),
        entropy_level=st.sampled_from(["token", "segment"]),
        side=st.sampled_from(["both", "high", "low"]),
    ),
)


@given(rows=ragged_rows(), objective=st.one_of(st.sampled_from(list(VARIANTS.values())), OBJECTIVES))
@settings(max_examples=150, deadline=None)
def test_loss_and_clip_fraction_equal_the_oracle(rows, objective):
    wanted, flags = oracle.loss(rows, objective, limit=max(len(row["seg"]) for row in rows))
    out = policy_loss(*tensors(rows), objective)
    assert float(out.loss) == pytest.approx(wanted, abs=1e-9)
    assert out.metrics["policy/clip_frac"].value() == pytest.approx(sum(flags) / len(flags))


@given(rows=ragged_rows(), objective=OBJECTIVES)
@settings(max_examples=60, deadline=None)
def test_gradient_is_that_of_the_surrogate_with_frozen_segment_ratios(rows, objective):
    """dL/dlogp_t = -w_t r_t A where the token is not clipped, 0 where it is; w_t is the weight of t in the aggregate."""
    logp, *rest = tensors(rows)
    logp.requires_grad_()
    policy_loss(logp, *rest, objective).loss.backward()
    limit = max(len(row["seg"]) for row in rows)
    _, flags = oracle.loss(rows, objective, limit)
    flag = iter(flags)
    for i, row in enumerate(rows):
        for t in range(len(row["seg"])):
            unit = [[float(i == j and t == u) for u in range(len(r["seg"]))] for j, r in enumerate(rows)]
            weight = oracle.aggregate(rows, unit, objective.aggregation, limit)
            r = oracle.ratio_of(row, t, objective.ratio)
            wanted = 0.0 if next(flag) else -weight * r * row["adv"]
            assert float(logp.grad[i, t]) == pytest.approx(wanted, abs=1e-9)


@given(rows=ragged_rows())
@settings(max_examples=40, deadline=None)
def test_token_segments_are_grpo_and_one_segment_is_gspo_exactly(rows):
    fixed = replace(VARIANTS["sspo"], bounds=BoundsConfig())
    for name, segments in (
        ("grpo", lambda n: list(range(n))),
        ("gspo", lambda n: [0] * n),
    ):
        limit_rows = [{**row, "seg": segments(len(row["seg"]))} for row in rows]
        results = []
        for objective in (VARIANTS[name], replace(fixed, clip=VARIANTS[name].clip)):
            logp, *rest = tensors(limit_rows)
            logp.requires_grad_()
            loss = policy_loss(logp, *rest, objective).loss
            loss.backward()
            results.append((loss.detach(), logp.grad))
        assert torch.equal(results[0][0], results[1][0])
        assert torch.equal(results[0][1], results[1][1])
