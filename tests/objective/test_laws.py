"""Invariances of the loss and of its bounds, over generated batches."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sspo.config import BoundsConfig
from sspo.metrics import GLOSSARY, merge_all
from sspo.objective.bounds import clip_bounds, entropy_stats
from sspo.objective.loss import policy_loss, whole_batch
from sspo.objective.variants import VARIANTS
from tests.objective.ragged import ragged_rows, tensors

NAMES = st.sampled_from(sorted(VARIANTS))


@given(rows=ragged_rows(min_rows=2), name=NAMES, data=st.data())
@settings(max_examples=60, deadline=None)
def test_micro_batches_add_up_to_the_batch_in_loss_gradient_and_metrics(rows, name, data):
    objective = VARIANTS[name]
    logp, *rest = tensors(rows)
    whole, parts = logp.clone().requires_grad_(), logp.clone().requires_grad_()
    out = policy_loss(whole, *rest, objective)
    out.loss.backward()
    cut = data.draw(st.integers(1, len(rows) - 1))
    context = whole_batch(rest[2], rest[3], rest[4], objective)
    metrics = []
    for part in (slice(0, cut), slice(cut, None)):
        piece = policy_loss(parts[part], *(x[part] for x in rest), objective, context=context)
        piece.loss.backward()
        metrics.append(piece.metrics)
    assert torch.allclose(whole.grad, parts.grad, atol=1e-12)
    for key, metric in merge_all(metrics).items():
        # shares of segments and responses are summed in float32
        assert metric.value() == pytest.approx(out.metrics[key].value(), abs=1e-6), key


@given(rows=ragged_rows(min_rows=2), name=NAMES, extra=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_row_order_and_padding_do_not_matter(rows, name, extra, seed):
    objective = VARIANTS[name]
    assume(objective.aggregation != "constant")  # there the padded width stands for the token limit
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    width = max(len(row["seg"]) for row in rows) + extra
    moved = tensors([rows[i] for i in order], width=width)
    assert float(policy_loss(*moved, objective).loss) == pytest.approx(
        float(policy_loss(*tensors(rows), objective).loss), abs=1e-12
    )


@given(rows=ragged_rows(), name=NAMES)
@settings(max_examples=40, deadline=None)
def test_on_policy_nothing_is_clipped_and_only_glossary_keys_are_logged(rows, name):
    rows = [{**row, "logp": row["old"]} for row in rows]
    metrics = policy_loss(*tensors(rows), VARIANTS[name]).metrics
    assert set(metrics) <= set(GLOSSARY)
    assert metrics["policy/clip_frac"].value() == 0
    assert metrics["policy/ratio_mean"].value() == pytest.approx(1)
    assert metrics["policy/kl_k3"].value() == 0


@given(
    rows=ragged_rows(),
    adapt=st.sampled_from(["tanh", "linear"]),
    alpha=st.floats(-0.8, 0.8),
    level=st.sampled_from(["token", "segment"]),
)
@settings(max_examples=60, deadline=None)
def test_adapted_bounds_keep_their_token_weighted_mean_and_follow_entropy(rows, adapt, alpha, level):
    _, _, _, mask, segment_id, entropy = tensors(rows)
    bounds = BoundsConfig(adapt=adapt, alpha=alpha, entropy_level=level)
    clip = VARIANTS["sspo"].clip
    stats = entropy_stats(entropy, segment_id, mask, bounds)
    low, high = clip_bounds(entropy, segment_id, mask, clip, bounds, stats)
    assert float(low[mask].mean()) == pytest.approx(clip.low, rel=1e-9)
    assert float(high[mask].mean()) == pytest.approx(clip.high, rel=1e-9)
    if level == "token":
        by_entropy = low[mask][entropy[mask].argsort(stable=True)]
        assert bool((by_entropy.diff() * (1 if alpha >= 0 else -1) >= -1e-12).all())


@given(rows=ragged_rows(), adapt=st.sampled_from(["tanh", "linear"]))
@settings(max_examples=30, deadline=None)
def test_alpha_zero_is_a_fixed_clip_exactly(rows, adapt):
    fixed = replace(VARIANTS["sspo"], bounds=BoundsConfig())
    adapted = replace(fixed, bounds=BoundsConfig(adapt=adapt, alpha=0.0))
    batch = tensors(rows)
    assert torch.equal(policy_loss(*batch, fixed).loss, policy_loss(*batch, adapted).loss)


def test_huge_log_ratios_stay_finite():
    rows = [
        {"old": [-900.0, -1.0], "logp": [-1.0, -900.0], "entropy": [1.0, 1.0], "adv": -1.0, "seg": [0, 1]}
    ]
    logp, *rest = tensors(rows, dtype=torch.float32)
    logp.requires_grad_()
    out = policy_loss(logp, *rest, VARIANTS["no_clip"])
    out.loss.backward()
    assert torch.isfinite(out.loss)
    assert torch.isfinite(logp.grad).all()
