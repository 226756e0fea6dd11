"""Our registered loss called by verl's real `ppo_loss`, with the data that verl's workers have, against our loss of the whole step."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from verl.workers.utils.losses import ppo_loss

from sspo.config import BoundsConfig
from sspo.errors import UserError
from sspo.integrations.verl.job.loss import NAME, step_loss
from sspo.metrics import merge_all
from sspo.objective.clip_controller import scaled
from sspo.objective.micro_batch import part_loss, step_context
from sspo.objective.variants import VARIANTS
from tests.frameworks.verl_data import actor, config_of, data_of, micro_batches, output_of, part, rollout

CLOSE = 1e-6
LIMIT = 9
SIZES = {"whole": (12,), "three micro-batches": (5, 4, 3)}


def in_verl(config, batch, logp_BT, sizes, *, ranks=1, scale=None, verl=None):
    """Return the loss, its gradient by logp_BT and our metrics, over micro-batches that verl's ppo_loss has seen one by one."""
    leaf_BT = logp_BT.clone().requires_grad_()
    loss = partial(step_loss, config=verl or actor(), objective=config.objective, max_tokens=LIMIT)
    data, total, found = data_of(batch, ranks, scale), 0.0, []
    for rows in micro_batches(batch, sizes):
        share, metrics = loss(model_output=output_of(leaf_BT, batch, rows), data=part(data, rows))
        share.backward()
        total += share.item()
        found += metrics[NAME]
    return total / ranks, leaf_BT.grad / ranks, found


def ours(config, batch, logp_BT):
    """Return the same of our loss over the whole step at once."""
    leaf_BT = logp_BT.clone().requires_grad_()
    context = step_context(batch, torch.arange(len(logp_BT)), LIMIT)
    out = part_loss(leaf_BT, batch, config.objective, context)
    out.loss.backward()
    return out.loss.item(), leaf_BT.grad, out.metrics


def assert_equal(found, expected):
    value, grad_BT, parts = found
    assert value == pytest.approx(expected[0], abs=CLOSE)
    torch.testing.assert_close(grad_BT, expected[1], rtol=0, atol=CLOSE)
    merged = merge_all([one.metrics for one in parts])
    for key in (
        "policy/clip_frac",
        "policy/clip_frac_low",
        "policy/clip_frac_high",
        "policy/clip_frac_active",
    ):
        assert merged[key].value() == pytest.approx(expected[2][key].value(), abs=CLOSE), key


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_the_registered_loss_is_ours(name, sizes):
    config = config_of(VARIANTS[name])
    batch, logp_BT = rollout(config, seed=3)
    expected = ours(config, batch, logp_BT)
    assert bool((expected[1] != 0).any())
    assert_equal(in_verl(config, batch, logp_BT, sizes), expected)


@pytest.mark.parametrize("rule", ["token", "response", "random", "entropy_group"])
def test_segments_of_any_rule_reach_it(rule):
    config = config_of(VARIANTS["sspo"], rule=rule)
    batch, logp_BT = rollout(config, seed=4)
    assert_equal(in_verl(config, batch, logp_BT, (6, 6)), ours(config, batch, logp_BT))


def test_so_does_the_reference_for_a_penalty_of_ours():
    config = config_of(replace(VARIANTS["sspo"], kl=replace(VARIANTS["sspo"].kl, coef=0.1)))
    batch, logp_BT = rollout(config, seed=5)
    plain = ours(config_of(VARIANTS["sspo"]), batch, logp_BT)
    expected = ours(config, batch, logp_BT)
    assert abs(expected[0] - plain[0]) > 1e-3
    verl = actor(use_kl_loss=True, kl_loss_coef=0.0)  # verl's own penalty counts nothing
    assert_equal(in_verl(config, batch, logp_BT, (6, 6), verl=verl), expected)


def test_ranks_are_undone_and_the_controllers_scale_is_done():
    config = config_of(VARIANTS["sspo"])
    batch, logp_BT = rollout(config, seed=6)
    wider = replace(config, objective=scaled(config.objective, 3.0))
    assert_equal(in_verl(config, batch, logp_BT, (6, 6), ranks=4, scale=3.0), ours(wider, batch, logp_BT))


def test_a_worker_sees_the_segments_and_the_old_entropies_of_its_rows():
    config = config_of(VARIANTS["sspo"])
    batch, logp_BT = rollout(config, seed=7)
    from sspo.integrations.verl.job.columns import part_of

    data = data_of(batch)
    for rows in micro_batches(batch, (5, 4, 3)):
        seen, mine = part_of(part(data, rows)), batch.rows(torch.arange(rows.start, rows.stop))
        assert torch.equal(seen.segment_id_BT, mine.segment_id_BT)
        assert torch.equal(seen.entropy_BT, mine.entropy_BT)
        assert torch.equal(seen.response_BT, mine.response_BT)
    _, _, parts = in_verl(config, batch, logp_BT, (5, 4, 3))
    assert torch.cat([one.row_b for one in parts]).tolist() == list(range(12))


def test_alpha_changes_the_loss():
    sspo = VARIANTS["sspo"]
    bounds = replace(sspo.bounds, alpha=0.0) if isinstance(sspo.bounds, BoundsConfig) else None
    assert bounds is not None
    wide, flat = config_of(sspo), config_of(replace(sspo, bounds=bounds))
    batch, logp_BT = rollout(wide, seed=8)
    even, _ = rollout(flat, seed=8)
    assert abs(in_verl(wide, batch, logp_BT, (12,))[0] - in_verl(flat, even, logp_BT, (12,))[0]) > 1e-3


def test_without_our_trainer_it_says_what_is_missing():
    config = config_of(VARIANTS["sspo"])
    batch, logp_BT = rollout(config, seed=9)
    rows = slice(0, 12)
    with pytest.raises(UserError, match=r"set trainer\.v1\.trainer_mode=sspo"):
        ppo_loss(actor(), output_of(logp_BT, batch, rows), part(data_of(batch), rows))
