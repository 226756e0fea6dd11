"""Log-probabilities and entropies by chunks of the vocabulary are those of all logits at once, gradients included."""

from __future__ import annotations

import pytest
import torch
from hypothesis import strategies as st

from sspo.models.forward.chunked import token_logp, token_logp_entropy
from sspo.models.forward.head import Head
from sspo.models.memory.chunks import chunk_columns
from tests.laws import law

HEADS = {
    "plain": {},
    "scaled": {"scale": 0.25},
    "capped": {"softcap": 3.0},
    "capped and scaled": {"scale": 2.0, "softcap": 3.0},
}


def naive(hidden_NH, head, token_N, temperature):
    """(logp_N, entropy_N) as the definitions have them, with all logits."""
    logits_NV = hidden_NH @ head.weight_VH.T
    if head.bias_V is not None:
        logits_NV = logits_NV + head.bias_V
    logits_NV = logits_NV * head.scale
    if head.softcap is not None:
        logits_NV = head.softcap * torch.tanh(logits_NV / head.softcap)
    p_NV = (logits_NV / temperature).softmax(-1)
    return p_NV.gather(1, token_N[:, None])[:, 0].log(), -torch.special.xlogy(p_NV, p_NV).sum(-1)


def made(tokens, vocabulary, seed, *, bias=True, dtype=torch.float32, frozen=False, hidden=6, **options):
    """(hidden states, head, tokens, pull of each log-probability), of which one is 0 as a clipped token's is."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator).to(dtype)

    head = Head(
        weight_VH=draw(vocabulary, hidden).requires_grad_(not frozen),
        bias_V=draw(vocabulary).requires_grad_(not frozen) if bias else None,
        **options,
    )
    pull_N = draw(tokens)
    pull_N[:1] = 0
    token_N = torch.randint(vocabulary, (tokens,), generator=generator)
    return draw(tokens, hidden).requires_grad_(), head, token_N, pull_N


def gradients(logp_N, pull_N, hidden_NH, head):
    """By the names of what has one."""
    leaves = {"hidden": hidden_NH, "weight": head.weight_VH, "bias": head.bias_V}
    trained = {name: leaf for name, leaf in leaves.items() if leaf is not None and leaf.requires_grad}
    return dict(zip(trained, torch.autograd.grad(logp_N, list(trained.values()), pull_N), strict=True))


@law(
    12,
    400,
    kind=st.sampled_from(list(HEADS)),
    bias=st.booleans(),
    frozen=st.booleans(),
    tokens=st.integers(0, 9),
    vocabulary=st.integers(1, 40),
    chunk=st.none() | st.integers(1, 41),
    temperature=st.sampled_from([0.5, 1.0, 1.7]),
    seed=st.integers(0, 10**6),
)
def test_chunks_give_what_all_logits_give(kind, bias, frozen, tokens, vocabulary, chunk, temperature, seed):
    hidden, head, token, pull = made(tokens, vocabulary, seed, bias=bias, frozen=frozen, **HEADS[kind])
    logp, entropy = naive(hidden, head, token, temperature)
    ours, our_entropy = token_logp_entropy(hidden, head, token, temperature, chunk)
    assert torch.equal(ours, token_logp(hidden, head, token, temperature, chunk))
    assert not our_entropy.requires_grad
    torch.testing.assert_close(ours, logp, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(our_entropy, entropy.detach(), atol=1e-5, rtol=1e-5)
    theirs, mine = (gradients(x, pull, hidden, head) for x in (logp, ours))
    assert set(mine) == ({"hidden"} if frozen else {"hidden", "weight", *(["bias"] if bias else [])})
    for name, expected in theirs.items():
        torch.testing.assert_close(mine[name], expected, atol=1e-5, rtol=1e-5)


def test_by_hand():
    """One hidden unit of 1, weights 0 and ln 3: the softmax is (1, 3) / 4."""
    hidden = torch.ones(1, 1, requires_grad=True)
    head = Head(weight_VH=torch.tensor([[0.0], [1.0986123]]))
    logp, entropy = token_logp_entropy(hidden, head, torch.tensor([1]), 1.0, chunk=1)
    assert float(logp.detach()) == pytest.approx(-0.2876821)  # ln 3/4
    assert float(entropy) == pytest.approx(0.5623351)  # ln 4 - 3/4 ln 3
    logp.backward()
    assert float(hidden.grad) == pytest.approx(0.2746531)  # ln 3 - 3/4 ln 3


@pytest.mark.parametrize("frozen", [False, True])
def test_gradients_are_those_of_finite_differences(frozen):
    hidden, head, token, _ = made(4, 7, 0, dtype=torch.float64, frozen=frozen, softcap=2.0, scale=1.5)

    def logp(hidden_NH, weight_VH, bias_V):
        return token_logp(
            hidden_NH, Head(weight_VH=weight_VH, bias_V=bias_V, softcap=2.0, scale=1.5), token, 0.8, chunk=3
        )

    assert torch.autograd.gradcheck(logp, (hidden, head.weight_VH, head.bias_V))


def test_far_logits_neither_overflow_nor_vanish():
    hidden = torch.tensor([[100.0], [-100.0]], requires_grad=True)
    head = Head(weight_VH=torch.tensor([[10.0], [-10.0], [0.0]], requires_grad=True))
    logp, entropy = token_logp_entropy(hidden, head, torch.tensor([0, 0]), 1.0, chunk=1)
    assert logp.tolist() == [0.0, -2000.0]
    assert entropy.tolist() == [0.0, 0.0]
    logp.sum().backward()
    assert hidden.grad.tolist() == [[0.0], [20.0]]  # W[token] - W[likeliest]: 10 - 10, and 10 + 10


def test_a_tied_heads_gradients_add_up():
    weight = torch.nn.Parameter(torch.randn(11, 6, generator=torch.Generator().manual_seed(0)))
    token = torch.tensor([3, 3, 7])
    found = []
    for of in (lambda *x: naive(*x)[0], lambda *x: token_logp(*x, chunk=4)):
        weight.grad = None
        of(
            torch.nn.functional.embedding(token, weight).tanh(), Head(weight_VH=weight), token, 1.0
        ).sum().backward()
        found.append(weight.grad)
    torch.testing.assert_close(found[1], found[0], atol=1e-5, rtol=1e-5)


def test_products_in_bfloat16_leave_the_softmax_in_float32():
    hidden, head, token, pull = made(40, 300, 1, bias=False, hidden=32)
    logits = (hidden.bfloat16() @ head.weight_VH.bfloat16().T).float()
    expected = logits.log_softmax(-1).gather(1, token[:, None])[:, 0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logp, entropy = token_logp_entropy(hidden, head, token, 1.0, chunk=64)
    torch.testing.assert_close(logp, expected, atol=1e-5, rtol=1e-5)
    p = logits.detach().softmax(-1)
    torch.testing.assert_close(entropy, -torch.special.xlogy(p, p).sum(-1), atol=1e-5, rtol=1e-5)
    theirs, mine = (gradients(x, pull, hidden, head) for x in (expected, logp))
    for name in theirs:
        assert mine[name].dtype == torch.float32
        error = (mine[name] - theirs[name]).norm() / theirs[name].norm()
        assert error < 0.01, name  # 2^-8 is what a product of bfloat16 is rounded to


def test_weights_that_changed_before_the_backward_pass_are_refused():
    hidden, head, token, _ = made(3, 5, 0)
    logp = token_logp(hidden, head, token, 1.0)
    with torch.no_grad():
        head.weight_VH.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        logp.sum().backward()


def test_a_small_vocabulary_is_one_chunk_and_a_large_one_never_whole():
    assert chunk_columns(6_000, "cpu") >= 34
    assert chunk_columns(1, "cpu") > 151_936
    # 8 MiB of float32 logits: 2^23 / (4 * 2048) columns
    assert chunk_columns(2048, "cpu") == 1024
    assert chunk_columns(10**6, "cpu") == 256
