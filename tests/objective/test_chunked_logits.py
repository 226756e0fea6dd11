"""The loss through chunked log-probabilities: golden values, and the law that batches are sums of micro-batches."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import strategies as st

from sspo.models.forward.chunked import token_logp
from sspo.models.forward.head import Head
from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.golden.values import GOLDEN, golden_batch
from tests.laws import law
from tests.objective.points import POINTS
from tests.objective.ragged import context_of, prompts, tensors
from tests.oracles.axes import VOCABULARY

SHIFT = 1.0
"""Nats between what chunks give and golden log-probabilities, some of which are above 0, where no softmax can be."""


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_golden_values_hold_through_chunks(name):
    """Of two tokens with logits x and 0 the first has log-probability log sigmoid(x), whose slope is 1 - p."""
    logp_BT, old_BT, *rest = golden_batch()
    p_BT = (logp_BT - SHIFT).exp()
    hidden_NH = p_BT.logit().reshape(-1, 1).requires_grad_()
    head = Head(weight_VH=torch.tensor([[1.0], [0.0]], dtype=torch.float64))
    chunked = token_logp(hidden_NH, head, torch.zeros(p_BT.numel(), dtype=torch.long), 1.0, chunk=1)
    context = whole_batch(*rest[1:], VARIANTS[name], advantage_BT=rest[0], group=4, vocabulary=VOCABULARY)
    out = policy_loss(chunked.view_as(p_BT) + SHIFT, old_BT, *rest, VARIANTS[name], context=context)
    out.loss.backward()
    gradient_BT = hidden_NH.grad.view_as(p_BT) / (1 - p_BT)
    found = [float(out.loss.detach()), float(gradient_BT.norm()), out.metrics["policy/clip_frac"].value()]
    assert found == pytest.approx(json.loads(GOLDEN.read_text())[name], rel=1e-9, abs=1e-9)


@law(
    4,
    150,
    groups=prompts(max_prompts=2),
    objective=st.one_of(st.sampled_from(list(VARIANTS.values())), POINTS),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
def test_micro_batches_add_up_through_chunks_as_through_all_logits(groups, objective, seed, data):
    rows = [row for group in groups for row in group]
    context = context_of(rows, objective, len(groups[0]), seed=1)
    _, old_BT, *rest = tensors(rows)
    mask_BT = rest[1]
    generator = torch.Generator().manual_seed(seed)
    hidden_BTH = torch.randn(*mask_BT.shape, 3, generator=generator, dtype=torch.float64).requires_grad_()
    weight_VH = torch.randn(7, 3, generator=generator, dtype=torch.float64).requires_grad_()
    token_BT = torch.randint(7, mask_BT.shape, generator=generator)

    def whole():
        logits_BTV = hidden_BTH @ weight_VH.T
        logp_BT = logits_BTV.log_softmax(-1).gather(-1, token_BT[..., None])[..., 0]
        return policy_loss(logp_BT, old_BT, *rest, objective, context=context).loss

    def part(rows_b):
        at = mask_BT[rows_b]
        hidden_NH, token_N = hidden_BTH[rows_b][at], token_BT[rows_b][at]
        logp_N = token_logp(hidden_NH, Head(weight_VH=weight_VH), token_N, 1.0, chunk=2)
        logp_bT = torch.zeros(at.shape, dtype=torch.float64).index_put((at,), logp_N)
        columns = (column[rows_b] for column in (old_BT, *rest))
        return policy_loss(logp_bT, *columns, objective, context=context.rows(rows_b)).loss

    def gradients(loss):
        return torch.cat([x.flatten() for x in torch.autograd.grad(loss, (hidden_BTH, weight_VH))])

    cut = data.draw(st.integers(0, len(rows) - 1))
    parts = [part(rows_b) for rows_b in (slice(0, cut), slice(cut, None)) if rows_b.start != rows_b.stop]
    expected, found = whole(), sum(parts)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-9, abs=1e-9)
    assert torch.allclose(gradients(found), gradients(expected), rtol=1e-9, atol=1e-9)
