"""Four architectures: sampler, trainer and each row alone agree on every path that options offer, gradients included."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from sspo.config import DECODES, FORWARDS, LOGITS, ModelConfig, TrainConfig, TrainerConfig
from sspo.models.forward import open_forward
from sspo.models.forward.head import head_of
from sspo.models.forward.proof import bare_batch
from sspo.models.lean.layout import layout_of
from sspo.models.policy import load_policy
from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from sspo.rollout import open_sampler
from tests import tiny_models as tiny

CPU = torch.device("cpu")
MODELS = {
    "qwen2": {},
    "llama": {},
    "gemma2": {"final_logit_softcapping": 4.0, "attn_logit_softcapping": 3.0, "query_pre_attn_scalar": 16},
    "gpt2": {},
}
LOUDER = 6.0
"""Weights so large that prompts, caps and padding matter."""
TEMPERATURE = 0.7
WAYS = list(itertools.product(LOGITS, FORWARDS))


@pytest.fixture(scope="module", params=MODELS)
def policy(request, tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp(request.param)
    return load_policy(
        ModelConfig(path=str(tiny.save(folder, request.param, louder=LOUDER, **MODELS[request.param]))), CPU
    )


def sampled(policy, decode):
    """A rollout of ragged prompts and responses, by one of the sampler's paths."""
    config = TrainConfig()
    config = replace(config, rollout=replace(config.rollout, decode=decode))
    generator = torch.Generator().manual_seed(0)
    prompts = [torch.randint(policy.rows - 1, (n,), generator=generator).tolist() for n in (1, 7, 4)]
    rollout = open_sampler(policy, config).sample(
        prompts, 2, max_tokens=10, temperature=TEMPERATURE, draws=generator, with_logp=True
    )
    mask_BT = rollout.mask_BT & (torch.arange(10) < torch.tensor([[10], [3], [6], [10], [1], [8]]))
    tokens = (rollout.prompt_BL, rollout.prompt_mask_BL, rollout.response_BT, mask_BT, rollout.logp_BT)
    *columns, logp_BT = (column.clone() for column in tokens)  # out of the sampler's inference mode
    return bare_batch(*columns), logp_BT


def forward_of(policy, logits, forward):
    return open_forward(policy, TrainerConfig(logits=logits, forward=forward))


@pytest.mark.parametrize("decode", DECODES)
@torch.no_grad()
def test_sampler_trainer_and_each_row_alone_agree(policy, decode):
    batch, sampler_logp_BT = sampled(policy, decode)
    expected = None
    for logits, forward in WAYS:
        way = forward_of(policy, logits, forward)
        known = layout_of(policy.model) is not None
        assert way.paths == {"forward": forward if known else "plain", "logits": logits}
        assert bool(way.remarks) == (forward == "lean" and not known)
        logp_BT, entropy_BT = way.token_logp_entropy(batch, TEMPERATURE)
        assert torch.equal(way.token_logp(batch, TEMPERATURE)[batch.mask_BT], logp_BT[batch.mask_BT])
        assert logp_BT.isfinite().all()
        assert entropy_BT.isfinite().all()
        close(logp_BT, sampler_logp_BT, batch.mask_BT)
        expected = expected or (logp_BT, entropy_BT)
        close(logp_BT, expected[0], batch.mask_BT)
        close(entropy_BT, expected[1], batch.mask_BT)
        for row in range(0, len(batch.mask_BT), 2):
            alone = batch.rows(torch.tensor([row]))
            width = alone.mask_BT.shape[1]
            for found, whole in zip(
                way.token_logp_entropy(alone, TEMPERATURE), (logp_BT, entropy_BT), strict=True
            ):
                close(found, whole[row : row + 1, :width], alone.mask_BT)
    assert expected[0][batch.mask_BT].std() > 0.5  # they are not all alike


def close(found_BT, expected_BT, mask_BT):
    torch.testing.assert_close(found_BT[mask_BT], expected_BT[mask_BT], atol=1e-4, rtol=0)


def test_the_loss_and_its_gradients_are_those_of_all_logits(policy):
    batch, old_logp_BT = sampled(policy, "plain")
    generator = torch.Generator().manual_seed(1)
    old_logp_BT = old_logp_BT + 0.1 * torch.randn(old_logp_BT.shape, generator=generator)
    advantage_BT = torch.tensor([1.0, -1.0, 0.0, 0.5, -0.5, 2.0])[:, None].expand(old_logp_BT.shape)
    mask_BT, segment_BT = batch.mask_BT, torch.where(batch.mask_BT, torch.arange(10) // 3, -1)
    found = {}
    for logits, forward in WAYS:
        logp_BT, entropy_BT = forward_of(policy, logits, forward).token_logp_entropy(batch, TEMPERATURE)
        entropy_BT = entropy_BT.detach()
        context = whole_batch(mask_BT, segment_BT, entropy_BT, VARIANTS["sspo"])
        out = policy_loss(
            logp_BT,
            old_logp_BT,
            advantage_BT,
            mask_BT,
            segment_BT,
            entropy_BT,
            VARIANTS["sspo"],
            context=context,
        )
        policy.model.zero_grad()
        out.loss.backward()
        flat = torch.cat([weight.grad.flatten() for weight in policy.model.parameters()])
        found[logits, forward] = float(out.loss.detach()), flat
    loss, gradient = found["full", "plain"]
    assert gradient.norm() > 0.01
    for other, its_gradient in found.values():
        assert other == pytest.approx(loss, rel=1e-5)
        assert (its_gradient - gradient).norm() < 1e-5 * gradient.norm()


HEADED = {
    "gemma2": ({"final_logit_softcapping": 4.0}, {"softcap": 4.0}),
    "cohere": ({"logit_scale": 0.25}, {"scale": 0.25}),
    "granite": ({"logits_scaling": 4.0}, {"scale": 0.25}),
    "phi": ({}, {"biased": True}),
    "gpt2": ({}, {}),
}


@pytest.mark.parametrize("kind", HEADED)
def test_heads_are_read_from_layers_and_configuration(tmp_path, kind):
    options, expected = HEADED[kind]
    policy = load_policy(ModelConfig(path=str(tiny.save(tmp_path, kind, louder=LOUDER, **options))), CPU)
    head = head_of(policy.model)
    assert head is not None
    assert (head.scale, head.softcap) == (expected.get("scale", 1.0), expected.get("softcap"))
    assert (head.bias_V is not None) == expected.get("biased", False)
    assert head.weight_VH is policy.model.get_output_embeddings().weight
    assert (
        forward_of(policy, "chunked", "plain").paths["logits"] == "chunked"
    )  # which compares with the model


@pytest.mark.parametrize("case", ["multiplies", "adapter"])
def test_a_head_that_is_not_told_takes_all_logits_and_says_why(tmp_path, case):
    kind, options = ("hyperclovax", {"logits_scaling": 4.0}) if case == "multiplies" else ("llama", {})
    policy = load_policy(ModelConfig(path=str(tiny.save(tmp_path, kind, **options))), CPU)
    if case == "adapter":
        policy.model.set_output_embeddings(torch.nn.Sequential(policy.model.get_output_embeddings()))
    way = forward_of(policy, "chunked", "plain")
    assert way.paths["logits"] == "full"
    (said,) = way.remarks
    assert f"(architecture {kind})" in said
    assert ("differ by" if case == "multiplies" else "is not a plain linear layer") in said
    assert "\n" not in said


def test_comparing_paths_draws_no_ambient_numbers():
    policy = load_policy(ModelConfig(path="embedded"), CPU)
    before = torch.get_rng_state()
    assert forward_of(policy, "chunked", "plain").paths["logits"] == "chunked"
    assert torch.equal(torch.get_rng_state(), before)
