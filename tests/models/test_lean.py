"""The lean paths against transformers' own: the same tokens, log-probabilities and gradients, for the architectures that they know."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sspo.config import LoraConfig, ModelConfig, TrainerConfig
from sspo.models.decode import lean as lean_decode
from sspo.models.decode import open_decoders
from sspo.models.forward import open_forward
from sspo.models.forward.proof import bare_batch
from sspo.models.lean import pieces
from sspo.models.lean.layout import why_unknown
from sspo.models.policy import load_policy
from sspo.randomness import torch_stream
from sspo.rollout.transformers import TransformersSampler
from sspo.trainer.optim import trained
from sspo.types import Batch
from tests import tiny_models as tiny

CPU = torch.device("cpu")
KNOWN = {
    "llama": {},
    "qwen2": {"use_sliding_window": False, "num_key_value_heads": 2},
    "qwen3": {"use_sliding_window": False},
    "mistral": {"sliding_window": None, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
}  # fmt: skip
PROMPTS = [[5, 9, 200, 31], [7], [3, 1, 4, 1, 5, 9, 2, 6]]


@pytest.fixture(scope="module", params=sorted(KNOWN))
def policy(request, tmp_path_factory):
    """A policy of each known architecture, with weights so large that the past matters."""
    folder = tmp_path_factory.mktemp(request.param)
    path = tiny.save(folder, request.param, louder=6.0, **KNOWN[request.param])
    return load_policy(ModelConfig(path=str(path)), CPU)


def draw(policy, decode: str):
    """Responses of unequal lengths: about one token in eight ends one."""
    ends = list(range(0, policy.rows, 8))
    decoders = open_decoders(policy, decode)
    assert (decoders.decode, decoders.remark) == (decode, None)
    sampler = TransformersSampler(policy.model, pad_id=policy.pad_id, end_ids=ends, decoders=decoders)
    return sampler.sample(
        PROMPTS, 6, max_tokens=24, temperature=0.9, draws=torch_stream(0, "lean"), with_logp=True, with_entropy=True
    )  # fmt: skip


def batch_of(rollout) -> Batch:
    batch = bare_batch(rollout.prompt_BL, rollout.prompt_mask_BL, rollout.response_BT, rollout.mask_BT)
    return batch.rows(torch.arange(len(rollout.mask_BT)))  # out of inference mode


def gradients(policy, forward, batch: Batch) -> list[torch.Tensor]:
    policy.model.zero_grad()
    weight_BT = torch.linspace(-1, 1, batch.mask_BT.numel()).view(batch.mask_BT.shape)
    (forward.token_logp(batch, 0.9) * weight_BT * batch.mask_BT).sum().backward()
    return [parameter.grad.clone() for parameter in trained(policy.model)]


def test_lean_decoding_draws_the_same_tokens(policy, monkeypatch):
    plain = draw(policy, "plain")
    assert len(set(plain.mask_BT.sum(1).tolist())) > 4
    for room in (64, 3):  # the second one grows, and rows leave in between
        monkeypatch.setattr(lean_decode, "ROOM", room)
        lean = draw(policy, "lean")
        assert torch.equal(lean.response_BT, plain.response_BT)
        assert torch.allclose(lean.logp_BT, plain.logp_BT, atol=2e-5)
        assert torch.allclose(lean.entropy_BT, plain.entropy_BT, atol=2e-5)


def test_the_lean_forward_pass_gives_the_plain_one_s_values_and_gradients(policy):
    batch = batch_of(draw(policy, "plain"))
    plain, lean = (open_forward(policy, TrainerConfig(forward=name)) for name in ("plain", "lean"))
    assert lean.paths == {"forward": "lean", "logits": "full"}
    with torch.no_grad():
        for ours, theirs in zip(
            lean.token_logp_entropy(batch, 0.9), plain.token_logp_entropy(batch, 0.9), strict=True
        ):
            assert torch.allclose(ours[batch.mask_BT], theirs[batch.mask_BT], atol=2e-5)
            assert (ours[~batch.mask_BT] == 0).all()
    wanted = gradients(policy, plain, batch)
    found = gradients(policy, lean, batch)
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5 * float(theirs.abs().max()) + 1e-7)
    checkpointed = open_forward(policy, TrainerConfig(forward="lean", gradient_checkpointing=True))
    again = gradients(policy, checkpointed, batch)
    assert all(torch.equal(one, other) for one, other in zip(again, found, strict=True))


@pytest.mark.parametrize("rank", [0, 4])
def test_in_bfloat16_gradients_are_as_far_off_as_the_plain_one_s(policy, rank):
    batch = batch_of(draw(policy, "plain"))
    lora = LoraConfig(rank=rank, alpha=8.0)
    exact, rounded = (
        load_policy(ModelConfig(path=policy.path, precision=precision, lora=lora), CPU)
        for precision in ("float32", "bfloat16")
    )
    wanted = gradients(exact, open_forward(exact, TrainerConfig()), batch)
    plain, lean = (
        apart(gradients(rounded, open_forward(rounded, TrainerConfig(forward=name)), batch), wanted)
        for name in ("plain", "lean")
    )
    assert (
        lean < 1.3 * plain
    )  # adapters keep rows in bfloat16, where a norm that is rounded too is up to 1.4 times as far off


def apart(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> float:
    """Root of the mean square difference over that of what is wanted."""
    ours, theirs = (torch.cat([one.flatten() for one in ones]) for ones in (found, wanted))
    return float((ours - theirs).norm() / theirs.norm())


def test_what_the_sampler_saw_is_what_the_trainer_sees(policy):
    rollout = draw(policy, "lean")
    with torch.no_grad():
        logp_BT, entropy_BT = open_forward(policy, TrainerConfig()).token_logp_entropy(batch_of(rollout), 0.9)
    mask_BT = rollout.mask_BT
    assert torch.allclose(rollout.logp_BT[mask_BT], logp_BT[mask_BT], atol=5e-5)
    assert torch.allclose(rollout.entropy_BT[mask_BT], entropy_BT[mask_BT], atol=5e-5)


def test_a_row_s_values_do_not_depend_on_its_neighbours(policy):
    batch, forward = (
        batch_of(draw(policy, "lean")),
        open_forward(policy, TrainerConfig(forward="lean")),
    )
    with torch.no_grad():
        together = forward.token_logp(batch, 1.0)
        for row in range(0, len(together), 5):
            alone = batch.rows(torch.tensor([row]))
            width = int(alone.mask_BT.sum())
            assert torch.allclose(forward.token_logp(alone, 1.0)[0, :width], together[row, :width], atol=2e-5)


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("gpt2", {}, "architecture gpt2 is not one of Llama, Mistral, Qwen2, Qwen3"),
        ("mistral", {"sliding_window": 8}, "sliding window"),
        ("llama", {"hidden_act": "gelu"}, "activation gelu"),
        ("llama", {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, "'dynamic'"),
    ],
)  # fmt: skip
def test_what_is_not_known_goes_the_plain_way(tmp_path, kind, options, why):
    policy = load_policy(ModelConfig(path=str(tiny.save(tmp_path, kind, **options))), CPU)
    assert why in why_unknown(policy.model)
    assert open_decoders(policy, "lean").decode == "plain"
    forward = open_forward(policy, TrainerConfig(forward="lean"))
    assert forward.paths == {"forward": "plain", "logits": "full"}
    (said,) = forward.remarks
    assert why in said


def test_every_piece_has_the_gradient_of_its_definition():
    generator = torch_stream(0, "pieces")

    def numbers(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)

    angle_N1D = numbers(4, 1, 6).detach()
    place_N = torch.tensor([5, 0, 3, 6])
    checks = (
        (lambda x, w: pieces.rms_norm(x, w, 1e-6), (numbers(4, 6), numbers(6))),
        (lambda x, w: pieces.rms_norm(x, w, 1e-6), (numbers(4, 2, 6), numbers(6))),
        (pieces.gated, (numbers(4, 6), numbers(4, 6))),
        (lambda x: pieces.spread(x, place_N, 8), (numbers(4, 2, 3),)),
        (lambda x: pieces.taken(x, place_N), (numbers(8, 3),)),
    )
    for function, inputs in checks:
        assert torch.autograd.gradcheck(function, inputs)
    # a rotation has a backward pass of its own only for equal angles of both halves, which is what positions have
    half = torch.cat([angle_N1D[..., :3]] * 2, -1)
    sign = torch.tensor([-1.0] * 3 + [1.0] * 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda x: pieces.rotate(x, half.cos(), half.sin() * sign), (numbers(4, 2, 6),)
    )


def test_rows_of_one_prompt_token_and_of_one_response_token(policy):
    rollout = draw(policy, "plain")
    batch = batch_of(rollout)
    short_BT = batch.mask_BT & (torch.arange(batch.mask_BT.shape[1]) < 1)
    batch = replace(batch, mask_BT=short_BT)
    plain, lean = (open_forward(policy, TrainerConfig(forward=name)) for name in ("plain", "lean"))
    with torch.no_grad():
        ours, theirs = lean.token_logp(batch, 1.0), plain.token_logp(batch, 1.0)
    assert torch.allclose(ours[short_BT], theirs[short_BT], atol=2e-5)


def test_a_lean_path_that_is_wrong_is_noticed_and_not_taken(policy, monkeypatch):
    def half_turned(x_NHD, cos_N1D, sin_N1D):
        return x_NHD * cos_N1D

    monkeypatch.setattr(pieces, "turned", half_turned)
    monkeypatch.setattr(lean_decode, "turned", half_turned)
    decoders = open_decoders(policy, "lean")
    assert decoders.decode == "plain"
    assert "rollout.decode=lean cannot serve" in decoders.remark
    forward = open_forward(policy, TrainerConfig(forward="lean", logits="chunked"))
    assert forward.paths == {"forward": "plain", "logits": "chunked"}
    (remark,) = forward.remarks
    assert "trainer.forward=lean cannot serve" in remark
    assert "log-probabilities or entropies differ by" in remark
