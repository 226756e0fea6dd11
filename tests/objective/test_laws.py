"""Invariances of the loss and of its bounds, over generated batches."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

from sspo.config import BoundsConfig
from sspo.config.choices import ENTROPY_LEVELS, G_NAMES, TERMS
from sspo.metrics import GLOSSARY, merge_all
from sspo.objective.bounds import RolloutColumns, clip_bounds, multipliers
from sspo.objective.entropy_bounds import adapting_entropy
from sspo.objective.loss import policy_loss
from sspo.objective.ratio import partition
from sspo.objective.variants import VARIANTS
from tests.laws import law
from tests.objective.points import POINTS
from tests.objective.ragged import context_of, prompts, ragged_rows, tensors

OBJECTIVES = st.one_of(st.sampled_from(list(VARIANTS.values())), POINTS)


def evaluate(rows, objective, context, width=None):
    """(loss, gradient, metrics) of a call."""
    logp, *rest = tensors(rows, width=width)
    logp.requires_grad_()
    out = policy_loss(logp, *rest, objective, context=context)
    out.loss.backward()
    return float(out.loss.detach()), logp.grad, out.metrics


@law(14, 150, groups=prompts(max_prompts=2), objective=OBJECTIVES, data=st.data())
def test_micro_batches_add_up_to_the_batch_in_loss_gradient_and_metrics(groups, objective, data):
    rows = [row for group in groups for row in group]
    assume(len(rows) > 1)
    context = context_of(rows, objective, len(groups[0]), seed=1)
    loss, gradient, whole = evaluate(rows, objective, context)
    logp, *rest = tensors(rows)
    logp.requires_grad_()
    cut = data.draw(st.integers(1, len(rows) - 1))
    metrics, total = [], 0.0
    for part in (slice(0, cut), slice(cut, None)):
        piece = policy_loss(logp[part], *(x[part] for x in rest), objective, context=context.rows(part))
        piece.loss.backward()
        total += float(piece.loss.detach())
        metrics.append(piece.metrics)
    assert total == pytest.approx(loss, abs=1e-12)
    assert torch.allclose(gradient, logp.grad, atol=1e-12)
    for key, metric in merge_all(metrics).items():
        # shares of segments and responses are summed in float32
        assert metric.value() == pytest.approx(whole[key].value(), abs=1e-6), key


@law(10, 90, groups=prompts(max_prompts=2), objective=OBJECTIVES, extra=st.integers(1, 5), data=st.data())
def test_row_order_and_padding_do_not_matter(groups, objective, extra, data):
    assume(objective.aggregation != "constant")  # there the padded width stands for the token limit
    rows, group = [row for group in groups for row in group], len(groups[0])
    context = context_of(rows, objective, group)
    order = data.draw(st.permutations(range(len(rows))))
    width = max(len(row["seg"]) for row in rows)
    loss, gradient, _ = evaluate(rows, objective, context)
    moved = context.rows(torch.tensor(order))
    padded = {
        name: torch.nn.functional.pad(column, (0, extra), value=4.0)
        for name in ("g_low_BT", "g_high_BT", "reference_logp_BT", "sampler_logp_BT")
        if (column := getattr(moved.extras, name)) is not None
    }
    there, gradient_there, _ = evaluate(
        [rows[i] for i in order],
        objective,
        replace(moved, extras=replace(moved.extras, **padded)),
        width=width + extra,
    )
    assert there == pytest.approx(loss, abs=1e-12)
    assert torch.allclose(gradient_there[:, :width], gradient[order], atol=1e-12)
    assert not gradient_there[:, width:].any()


@law(10, 90, rows=ragged_rows(), objective=OBJECTIVES)
def test_on_policy_nothing_is_clipped_and_only_glossary_keys_are_logged(rows, objective):
    rows = [{**row, "logp": row["old"]} for row in rows]
    _, _, metrics = evaluate(rows, objective, context_of(rows, objective, 1))
    assert set(metrics) <= set(GLOSSARY)
    assert metrics["policy/clip_frac"].value() == 0
    assert metrics["policy/ratio_mean"].value() == pytest.approx(1)
    assert metrics["policy/kl_k3"].value() == 0


PLAIN = POINTS.map(lambda point: replace(point, kl=VARIANTS["grpo"].kl, mis_cap=None))


@law(14, 150, rows=ragged_rows(), objective=PLAIN)
def test_clip_fractions_lie_between_nothing_and_their_bounds(rows, objective):
    if TERMS[objective.term].kernel:  # whose weight at a ratio of e^9 is less than the smallest double
        rows = [{**row, "logp": row["old"]} for row in rows]
    _, gradient, metrics = evaluate(rows, objective, context_of(rows, objective, 1))
    values = {key: metric.value() for key, metric in metrics.items() if "clip_frac" in key}
    # shares of segments and responses are summed in float32, where six sixths and seven sevenths are more than two
    assert all(value is None or 0 <= value <= 1 + 1e-6 for value in values.values())
    assert values["policy/clip_frac"] == pytest.approx(
        values["policy/clip_frac_low"] + values["policy/clip_frac_high"]
    )
    assert values["policy/clip_frac"] <= metrics["policy/active_token_frac"].value()
    mask, advantage = tensors(rows)[3], tensors(rows)[2]
    without = int((mask & (advantage != 0) & (gradient == 0)).sum())
    clipped = metrics["policy/clipped_tokens"].value()
    # gradient zero exactly on clipped tokens: a law of terms that clip; the others never remove a gradient
    assert clipped == (without if TERMS[objective.term].clips else 0)
    assert TERMS[objective.term].clips or without == 0


BOUNDS = st.builds(
    BoundsConfig,
    adapt=st.sampled_from(G_NAMES),
    alpha=st.floats(-0.8, 0.8),
    entropy_level=st.sampled_from(ENTROPY_LEVELS),
)


def bounds_of(rows, bounds):
    """(low, high, entropy at the level, mask) under sspo's clip."""
    _, old_logp, _, mask, segment_id, entropy = tensors(rows)
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    adapting = adapting_entropy(entropy, segment_id, mask, bounds, generators[0])
    objective = replace(VARIANTS["sspo"], bounds=bounds)
    seen = RolloutColumns(segment_id_BT=segment_id, mask_BT=mask, entropy_BT=entropy, generator=generators[1])
    low, high = clip_bounds(multipliers(seen, objective), old_logp, objective)
    return low, high, adapting, mask


@law(20, 150, rows=ragged_rows(), bounds=BOUNDS)
def test_adapted_bounds_keep_their_token_weighted_mean_and_follow_entropy(rows, bounds):
    low, high, adapting, mask = bounds_of(rows, bounds)
    clip = VARIANTS["sspo"].clip
    assert float(low[mask].mean()) == pytest.approx(clip.low, rel=1e-9)
    assert float(high[mask].mean()) == pytest.approx(clip.high, rel=1e-9)
    # monotone in what they follow, antitone where reversed
    for side in (low, high):
        rising = side[mask][adapting[mask].argsort(stable=True)].diff() * (1 if bounds.alpha >= 0 else -1)
        assert bool((rising >= -1e-12).all())


@law(5, 45, rows=ragged_rows(), level=st.sampled_from(ENTROPY_LEVELS))
def test_half_an_exponent_is_a_bound_like_the_square_root_of_the_entropy(rows, level):
    """2607.22186: |d| <= sqrt(tau (H + .01)), at the mean width of a fixed clip; the mean is the law above."""
    low, high, adapting, mask = bounds_of(rows, BoundsConfig(adapt="sqrt", alpha=0.5, entropy_level=level))
    squares = (low[mask] ** 2 / (adapting[mask] + 0.01)).tolist()
    assert squares == pytest.approx([squares[0]] * len(squares), rel=1e-9)
    assert torch.allclose(low, high)


@law(10, 60, rows=ragged_rows(), level=st.sampled_from(ENTROPY_LEVELS), seed=st.integers(0, 99))
def test_shuffling_deals_the_units_entropies_out_anew(rows, level, seed):
    _, _, _, mask, segment_id, entropy = tensors(rows)

    def by_unit(adapt):
        bounds = BoundsConfig(adapt=adapt, alpha=0.5, entropy_level=level)
        h = adapting_entropy(entropy, segment_id, mask, bounds, torch.Generator().manual_seed(seed))
        ids = partition(level, segment_id, mask)
        found = {}
        for i, t in mask.nonzero().tolist():
            found.setdefault((i, int(ids[i, t])), set()).add(float(h[i, t]))
        assert all(len(values) == 1 for values in found.values())  # one bound a unit, as without shuffling
        return sorted(value for values in found.values() for value in values)

    assert by_unit("shuffled") == pytest.approx(by_unit("tanh"), abs=1e-12)


@law(10, 60, rows=ragged_rows())
def test_published_bounds_widen_where_their_papers_say(rows):
    _, old_logp, _, mask, segment_id, entropy = tensors(rows)
    hapo, dcpo = VARIANTS["hapo_clip"], VARIANTS["dcpo_clip"]
    seen = RolloutColumns(segment_id_BT=segment_id, mask_BT=mask, entropy_BT=entropy)
    low, high = clip_bounds(multipliers(seen, hapo), old_logp, hapo)
    order = entropy[mask].argsort()
    assert bool((low[mask][order].diff() <= 1e-12).all() and (high[mask][order].diff() >= -1e-12).all())
    assert bool(((low[mask] >= 0.2) & (low[mask] <= 0.4) & (high[mask] >= 0.2) & (high[mask] <= 0.4)).all())
    low, high = clip_bounds(None, old_logp, dcpo)
    order = old_logp[mask].argsort()  # the rarer a token was, the wider
    assert bool((low[mask][order].diff() <= 1e-12).all() and (high[mask][order].diff() <= 1e-12).all())
    assert bool((low[mask] <= 0.5).all() and (high[mask] <= 9).all())


@law(7, 45, rows=ragged_rows(), adapt=st.sampled_from(G_NAMES))
def test_alpha_zero_is_a_fixed_clip_exactly(rows, adapt):
    fixed = VARIANTS["sspo_fixed"]
    adapted = replace(fixed, bounds=BoundsConfig(adapt=adapt, alpha=0.0))
    batch = tensors(rows)
    assert torch.equal(policy_loss(*batch, fixed).loss, policy_loss(*batch, adapted).loss)
