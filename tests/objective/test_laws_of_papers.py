"""What the objectives of 2026 are where they meet another: limits, special cases and their papers' own statements."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import strategies as st

from sspo.config import BoundsConfig, ClipConfig, KeptConfig
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from tests.laws import law
from tests.objective.points import has_meaning, points
from tests.objective.ragged import context_of, ragged_rows, tensors
from tests.oracles.axes import VOCABULARY, bernoulli_kl, log_ratios

SCALES = st.sampled_from([1.0, 0.1, 0.01])
"""Of the log-ratios: those of a nat leave the narrow bounds of responses, the least stay within."""


def evaluate(rows, objective, group=1):
    """(loss, gradient) of a batch."""
    logp, *rest = tensors(rows)
    logp.requires_grad_()
    loss = policy_loss(logp, *rest, objective, context=context_of(rows, objective, group)).loss
    loss.backward()
    return float(loss.detach()), logp.grad


def assert_same(rows, one, other, group=1):
    """Two objectives have the same loss and gradient."""
    (loss, gradient), (wanted, wanted_gradient) = evaluate(rows, one, group), evaluate(rows, other, group)
    assert loss == pytest.approx(wanted, abs=1e-12)
    assert torch.allclose(gradient, wanted_gradient, atol=1e-12, rtol=0)


def scaled(rows, factor):
    """Rows whose log-ratios are so many times as large."""
    return [
        {**row, "logp": [o + factor * d for o, d in zip(row["old"], log_ratios(row), strict=True)]}
        for row in rows
    ]


def segmented(rows, segments):
    """Rows with other segments: a function of their lengths."""
    return [{**row, "seg": segments(len(row["seg"]))} for row in rows]


def one_each(n):
    return list(range(n))


def one_for_all(n):
    return [0] * n


def plain(name, low, high, **changes):
    """A variant with fixed bounds."""
    return replace(VARIANTS[name], clip=ClipConfig(low=low, high=high), bounds=BoundsConfig(), **changes)


@law(4, 45, rows=ragged_rows(), entropy=st.sampled_from([0.0, 0.5, 2.0]), factor=SCALES)
def test_espo_with_one_group_a_response_and_one_entropy_is_gspo(rows, entropy, factor):
    """Loss and gradient, at bounds of .02 times the entropy over log |V| on either side."""
    rows = [{**row, "entropy": [entropy] * len(row["seg"])} for row in scaled(rows, factor)]
    bound = 0.02 * entropy / math.log(VOCABULARY)
    gspo = plain("gspo", bound, bound)
    assert_same(segmented(rows, one_for_all), VARIANTS["espo"], gspo)


@law(4, 45, rows=ragged_rows(), factor=SCALES)
def test_lpo_with_segments_of_a_token_is_dapo_group_at_its_bounds(rows, factor):
    rows = segmented(scaled(rows, factor), one_each)
    assert_same(rows, VARIANTS["lpo"], plain("dapo_group", 0.03, 0.03), group=len(rows))


@law(4, 45, rows=ragged_rows(), factor=SCALES)
def test_lpo_weighs_segments_by_tokens_and_differentiates_their_geometric_mean(rows, factor):
    """The published form, by automatic differentiation: ours weighs tokens and stops gradients, to the same end."""
    rows = scaled(rows, factor)
    tokens, parts = sum(len(row["seg"]) for row in rows), []
    logps = [torch.tensor(row["logp"], dtype=torch.float64, requires_grad=True) for row in rows]
    for row, logp in zip(rows, logps, strict=True):
        d = logp - torch.tensor(row["old"], dtype=torch.float64)
        for k in set(row["seg"]):
            members = torch.tensor([j == k for j in row["seg"]])
            ratio = d[members].mean().exp()
            term = torch.minimum(ratio * row["adv"], ratio.clamp(0.97, 1.03) * row["adv"])
            parts.append(members.sum() * term)
    published = -torch.stack(parts).sum() / tokens
    published.backward()
    loss, gradient = evaluate(rows, VARIANTS["lpo"], group=len(rows))
    assert loss == pytest.approx(float(published.detach()), abs=1e-12)
    for mine, row, logp in zip(gradient, rows, logps, strict=True):
        if row["adv"]:  # at A = 0 both branches of the minimum are zero
            assert mine[: len(row["seg"])].tolist() == pytest.approx(logp.grad.tolist(), abs=1e-12)


@law(4, 45, rows=ragged_rows(), factor=SCALES)
def test_luspo_is_gspo_times_the_length_of_each_response(rows, factor):
    rows = scaled(rows, factor)
    _, gradient = evaluate(rows, VARIANTS["luspo"])
    _, of_gspo = evaluate(rows, plain("gspo", 2e-3, 2.5e-3))
    length = torch.tensor([[len(row["seg"])] for row in rows])
    assert torch.allclose(gradient, length * of_gspo, atol=1e-12)
    n = min(len(row["seg"]) for row in rows)
    keys = ("logp", "old", "entropy", "reference", "sampler")
    equal = segmented(
        [{**row, **{key: row[key][:n] for key in keys}, "seg": [0] * n} for row in rows], one_for_all
    )
    loss, _ = evaluate(equal, VARIANTS["luspo"])
    assert loss == pytest.approx(n * evaluate(equal, plain("gspo", 2e-3, 2.5e-3))[0], abs=1e-12)


RUNNING_MEAN = replace(
    VARIANTS["ctpo"],
    pooling="mean",
    clip=ClipConfig(low=0.025, high=0.05),
    bounds=BoundsConfig(adapt="position", alpha=0.0),
)


@law(4, 45, rows=ragged_rows(), factor=SCALES)
def test_ctpo_of_a_running_mean_without_exponent_or_dual_clip_is_ppo_clipped_in_logs(rows, factor):
    rows = scaled(rows, factor)
    loss, tokens = 0.0, sum(len(row["seg"]) for row in rows)
    for row in rows:
        d = log_ratios(row)
        for t in range(len(d)):
            x = math.fsum(d[: t + 1]) / (t + 1)
            held = min(max(x, -0.025), 0.05)
            loss -= min(math.exp(x) * row["adv"], math.exp(held) * row["adv"]) / tokens
    assert evaluate(rows, RUNNING_MEAN)[0] == pytest.approx(loss, abs=1e-12)
    in_ratios = plain("ctpo", 1 - math.exp(-0.025), math.exp(0.05) - 1, pooling="mean")
    assert_same(rows, RUNNING_MEAN, in_ratios)


@law(4, 45, rows=ragged_rows(), pooling=st.sampled_from(["mean", "sum"]))
def test_the_last_token_of_a_prefix_has_the_ratio_of_the_response(rows, pooling):
    no_clip = replace(VARIANTS["no_clip"], ratio="prefix", pooling=pooling)
    _, prefix = evaluate(rows, no_clip)
    _, response = evaluate(rows, replace(no_clip, ratio="response"))
    last = torch.tensor([[len(row["seg"]) - 1] for row in rows])
    assert torch.allclose(prefix.gather(1, last), response.gather(1, last), atol=1e-12)
    _, token = evaluate(rows, replace(no_clip, ratio="token", pooling="mean"))
    assert torch.allclose(prefix[:, 0], token[:, 0], atol=1e-12)


@law(4, 45, rows=ragged_rows(), factor=SCALES)
def test_a_sum_over_segments_of_a_token_is_the_token_ratio(rows, factor):
    rows = segmented(scaled(rows, factor), one_each)
    for name in ("grpo", "cispo", "ce_gppo"):
        assert_same(rows, replace(VARIANTS[name], ratio="segment", pooling="sum"), VARIANTS[name])


def one_token(log_ratio, adv):
    values = {key: [-1.0] for key in ("old", "reference", "sampler")}
    return [{**values, "logp": [-1.0 + log_ratio], "entropy": [1.0], "adv": adv, "seg": [0]}]


@law(4, 45, adv=st.sampled_from([1.0, -1.0]), log_ratio=st.floats(-2, 2))
def test_vespo_weighs_one_on_policy_and_most_at_k_over_lambda(adv, log_ratio):
    power, decay = (2, 3) if adv > 0 else (3, 2)

    def weight(x):
        return -adv * float(evaluate(one_token(x, adv), VARIANTS["vespo"])[1])

    assert weight(0.0) == pytest.approx(1, abs=1e-12)
    # at W = k / lambda: (k / lambda)^k e^(lambda - k), 1.208 and 1.242
    most = (power / decay) ** power * math.exp(decay - power)
    assert weight(math.log(power / decay)) == pytest.approx(most, abs=1e-12)
    assert weight(log_ratio) <= most + 1e-12


THRESHOLDS = st.sampled_from([0.02, 0.15])


@law(8, 60, rows=ragged_rows(), name=st.sampled_from(["dppo_tv", "dppo_kl"]), low=THRESHOLDS, high=THRESHOLDS)
def test_dppo_masks_exactly_the_tokens_that_leave_the_way_the_advantage_pushes(rows, name, low, high):
    """Probabilities up to .98, where a ratio barely above 1 moves much mass, and a ratio of 2 little at .04."""
    rows = [
        {**row, "old": [o + 1 for o in row["old"]], "logp": [min(x + 1, -0.02) for x in row["logp"]]}
        for row in rows
    ]
    _, gradient = evaluate(rows, replace(VARIANTS[name], clip=ClipConfig(low=low, high=high)))
    for row, mine in zip(rows, gradient.tolist(), strict=True):
        for t, (logp, old) in enumerate(zip(row["logp"], row["old"], strict=True)):
            pi, mu, a = math.exp(logp), math.exp(old), row["adv"]
            moved = abs(pi - mu) if name == "dppo_tv" else bernoulli_kl(mu, pi)
            gone = (pi - mu) * a > 0 and moved > (high if a > 0 else low)
            assert (mine[t] == 0) == (gone or a == 0)


@law(10, 120, rows=ragged_rows(), ppo=points(terms=("ppo",)).filter(has_meaning), factor=SCALES)
def test_masking_has_ppo_s_gradient_at_any_bounds(rows, ppo, factor):
    ppo, rows = replace(ppo, clip=replace(ppo.clip, dual=None)), scaled(rows, factor)
    _, gradient = evaluate(rows, replace(ppo, term="masked"), group=len(rows))
    assert torch.equal(gradient, evaluate(rows, ppo, group=len(rows))[1])


@law(8, 60, rows=ragged_rows(min_rows=2, max_rows=5), factor=SCALES, data=st.data())
def test_gapo_is_gspo_with_an_upper_bound_that_falls_with_the_successes_of_the_group(rows, factor, data):
    """One success has clip.high itself; k - 1 of k have clip.low and a (k - 1)-th of the rest."""
    k = len(rows)
    c = data.draw(st.integers(1, k))
    rows = [{**row, "adv": 1 - c / k if i < c else -c / k} for i, row in enumerate(scaled(rows, factor / 10))]
    high = {1: 5e-3, k - 1: 3e-3 + 2e-3 / (k - 1), k: 3e-3}.get(c, 3e-3 + 2e-3 * (k - c) / (k - 1))
    gspo = plain("gspo", 3e-3, high, advantage="group_mean")
    assert_same(rows, VARIANTS["gapo"], gspo, group=k)


@law(4, 45, rows=ragged_rows(), factor=SCALES)
def test_ce_gppo_keeps_none_or_all_of_the_gradient_at_the_bound(rows, factor):
    rows, ce_gppo = scaled(rows, factor), VARIANTS["ce_gppo"]
    _, none_kept = evaluate(rows, replace(ce_gppo, kept=KeptConfig(low=0.0, high=0.0)))
    _, gradient_of_ppo = evaluate(rows, replace(ce_gppo, term="ppo"))
    assert torch.equal(none_kept, gradient_of_ppo)
    _, all_kept = evaluate(rows, replace(ce_gppo, kept=KeptConfig(low=1.0, high=1.0)))
    mask, advantage = tensors(rows)[3], tensors(rows)[2]
    assert torch.equal(all_kept != 0, mask & (advantage != 0))
    # outside, the gradient is that of a ratio at the bound
    tokens = int(mask.sum())
    pushed = (-all_kept * tokens / advantage)[mask & (advantage != 0)]
    outward = gradient_of_ppo[mask & (advantage != 0)] == 0
    assert bool((((pushed - 1.2).abs() < 1e-12) | ((pushed - 0.8).abs() < 1e-12))[outward].all())


@law(8, 60, rows=ragged_rows(), c=st.sampled_from([3.0, 1.5]))
def test_a_dual_clip_is_verl_s_with_c_one_larger(rows, c):
    """verl: where A < 0 the loss is min(-A c, max(-A r, -A clip(r))), and no gradient at -A c."""
    rows = scaled(rows, 2)
    objective = replace(VARIANTS["dapo"], clip=ClipConfig(low=0.2, high=0.28, dual=c - 1))
    loss, gradient = evaluate(rows, objective)
    wanted, tokens = 0.0, sum(len(row["seg"]) for row in rows)
    for row, mine in zip(rows, gradient.tolist(), strict=True):
        a = row["adv"]
        for d, slope in zip(log_ratios(row), mine, strict=False):
            r = math.exp(d)
            clipped = max(-a * r, -a * min(max(r, 0.8), 1.28))
            held = min(-a * c, clipped) if a < 0 else clipped
            wanted += held / tokens
            assert slope == pytest.approx(-r * a / tokens if held == -a * r else 0, abs=1e-12)
    assert loss == pytest.approx(wanted, abs=1e-12)
