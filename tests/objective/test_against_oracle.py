"""Every variant, and points of the product that have no name, against float64 oracles with loops: value and gradient."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import strategies as st

from sspo.config import BoundsConfig
from sspo.objective.advantage import ADVANTAGES
from sspo.objective.entropy_bounds import adapting_entropy
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from sspo.randomness import torch_stream
from tests.laws import law
from tests.objective.points import POINTS
from tests.objective.ragged import context_of, prompts, ragged_rows, tensors
from tests.oracles import axes
from tests.oracles.papers import PAPERS

CLOSE = 1e-9


def assert_gradient(logp, rows, wanted):
    for mine, row, of_row in zip(logp.grad, rows, wanted, strict=True):
        assert mine[: len(row["seg"])].tolist() == pytest.approx(of_row, abs=CLOSE)
        assert not mine[len(row["seg"]) :].any()


@law(25, 180, groups=prompts(), objective=st.one_of(st.sampled_from(list(VARIANTS.values())), POINTS))
def test_value_gradient_and_clip_fraction_equal_the_oracle_at_any_point(groups, objective):
    rows, group = [row for group in groups for row in group], len(groups[0])
    context = context_of(rows, objective, group, seed=3)
    dealt = None
    if (
        objective.bounds.adapt == "shuffled"
    ):  # which permutation is the stream's business, what follows from it is not
        _, _, _, mask, segment_id, entropy = tensors(rows)
        stream = torch_stream(3, "shuffled bounds")
        dealt_BT = adapting_entropy(entropy, segment_id, mask, objective.bounds, stream)
        dealt = [h[: len(row["seg"])].tolist() for h, row in zip(dealt_BT, rows, strict=True)]
    limit = max(len(row["seg"]) for row in rows)
    wanted, gradient, flags = axes.evaluate(rows, objective, limit, group, dealt)
    logp, *rest = tensors(rows)
    logp.requires_grad_()
    out = policy_loss(logp, *rest, objective, context=context)
    out.loss.backward()
    assert float(out.loss.detach()) == pytest.approx(wanted, abs=CLOSE)
    assert_gradient(logp, rows, gradient)
    clipped = [flag for of_row in flags for flag in of_row]
    assert out.metrics["policy/clip_frac"].value() == pytest.approx(sum(clipped) / len(clipped))


@law(25, 180, groups=prompts(), name=st.sampled_from(sorted(PAPERS)))
def test_rewards_to_gradient_every_variant_is_its_paper_s(groups, name):
    rows, objective = [row for group in groups for row in group], VARIANTS[name]
    reward_PG = torch.tensor([[row["reward"] for row in group] for group in groups], dtype=torch.float64)
    tokens_PG = torch.tensor([[len(row["seg"]) for row in group] for group in groups])
    advantage_B = ADVANTAGES[objective.advantage](reward_PG, tokens_PG).flatten().tolist()
    rows = [{**row, "adv": a} for row, a in zip(rows, advantage_B, strict=True)]
    wanted, gradient = PAPERS[name](groups, max(len(row["seg"]) for row in rows))
    logp, *rest = tensors(rows)
    logp.requires_grad_()
    context = context_of(rows, objective, len(groups[0]))
    loss = policy_loss(logp, *rest, objective, context=context).loss
    loss.backward()
    assert float(loss.detach()) == pytest.approx(wanted, abs=CLOSE)
    assert_gradient(logp, rows, gradient)


def test_every_variant_has_an_oracle():
    """The rest of sspo's ablation points differ from it in an option that the oracle of axes covers at random."""
    assert set(PAPERS) <= set(VARIANTS)
    assert all(name.startswith("sspo_") for name in set(VARIANTS) - set(PAPERS))


@law(10, 60, rows=ragged_rows())
def test_token_segments_are_grpo_and_one_segment_is_gspo_exactly(rows):
    fixed = replace(VARIANTS["sspo"], bounds=BoundsConfig(adapt="tanh", alpha=0.0))
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
