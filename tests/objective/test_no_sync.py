"""The loss reads nothing back from its device: on the meta device, where there is nothing to read, it must run."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import pytest
import torch

from sspo.config import KlConfig
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.objective.ragged import context_of, tensors


def on_meta(value):
    """The value with every tensor on the meta device."""
    if isinstance(value, torch.Tensor):
        return value.to("meta")
    if is_dataclass(value):
        return replace(value, **{field.name: on_meta(getattr(value, field.name)) for field in fields(value)})
    return value


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_forward_and_backward_need_no_value_on_the_host(name):
    objective = replace(VARIANTS[name], kl=KlConfig(coef=0.1), tis_cap=2.0, mis_cap=2.0)
    row = {"old": [-1.0, -2.0], "logp": [-1.2, -1.9], "adv": 1.0, "entropy": [0.5, 1.0], "seg": [0, 1]}
    rows = [{**row, "reference": row["old"], "sampler": row["old"]}] * 2
    context = on_meta(context_of(rows, objective, group=2))
    logp, *rest = (on_meta(x) for x in tensors(rows))
    logp.requires_grad_()
    policy_loss(logp, *rest, objective, context=context).loss.backward()
    assert logp.grad.shape == logp.shape
