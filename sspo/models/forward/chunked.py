"""Log-probabilities and entropies from hidden states, without the logits of all tokens over the whole vocabulary at
once.

Logits exist for one chunk of the vocabulary at a time. The softmax is merged from chunk to chunk (arXiv 1805.02867),
and the backward pass recomputes the logits from their normalizer, one number per token. Chunks split the vocabulary and
not the tokens: each row of the head's gradient is then written once, and a chunk stays in the processor's cache.

A frozen head needs no second pass: the gradient of a token's log-probability with respect to its hidden state, W[token]
- softmax @ W, is merged in the forward pass like the softmax itself.

This module does not depend on models: sspo/models/forward/headed.py provides hidden states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from sspo.models.device import at_least_float32
from sspo.models.forward.head import Head
from sspo.models.forward.logits import Logits
from sspo.models.forward.softmax import Merged, add_product
from sspo.models.memory.chunks import chunk_columns


def token_logp(
    hidden_NH: torch.Tensor,
    head: Head,
    token_N: torch.Tensor,
    temperature: float,
    chunk: int | None = None,
) -> torch.Tensor:
    """Return logp_N (nats) at `temperature`, with gradients for hidden states and for the trained parts of the head.

    `chunk` columns of the vocabulary are processed at a time; None means `chunk_columns`. Products run in autocast's
    precision if it is on, everything else in at least float32.
    """
    return _run(hidden_NH, head, token_N, temperature, chunk, entropy=False)[0]


def token_logp_entropy(
    hidden_NH: torch.Tensor,
    head: Head,
    token_N: torch.Tensor,
    temperature: float,
    chunk: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logp_N as `token_logp` does, and entropy_N of the distributions (nats), which has no gradient."""
    logp_N, entropy_N = _run(hidden_NH, head, token_N, temperature, chunk, entropy=True)
    return logp_N, entropy_N


def _run(
    hidden_NH: torch.Tensor,
    head: Head,
    token_N: torch.Tensor,
    temperature: float,
    chunk: int | None,
    *,
    entropy: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    device = hidden_NH.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden_NH.dtype
    columns = chunk or chunk_columns(len(hidden_NH), device)
    logits = Logits(head=head, temperature=temperature, columns=columns, dtype=dtype)
    pull = torch.is_grad_enabled() and hidden_NH.requires_grad and head.frozen
    found: tuple[torch.Tensor, torch.Tensor] = _Chunked.apply(
        hidden_NH, head.weight_VH, head.bias_V, token_N, logits, entropy, pull
    )  # type: ignore[no-untyped-call]
    return found


class _Chunked(torch.autograd.Function):
    """Autograd function that returns (logp_N, entropy_N)."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_NH: torch.Tensor,
        weight_VH: torch.Tensor,
        bias_V: torch.Tensor | None,
        token_N: torch.Tensor,
        logits: Logits,
        entropy: bool,
        pull: bool,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        cast_NH = hidden_NH.to(logits.dtype)
        merged = Merged(hidden_NH, token_N, entropy=entropy, pull=pull)
        for chunk in logits.chunks():
            weight_CH = logits.weight(chunk)
            logits_NC = logits.of(cast_NH, weight_CH, chunk)
            slope_NC = logits.slope(logits_NC) if pull else None
            merged.add(logits_NC, slope_NC, weight_CH, chunk)
        normalizer_N = merged.normalizer()
        ctx.logits, ctx.pull, ctx.dtype = logits, pull, hidden_NH.dtype
        if merged.pulled_NH is not None:
            ctx.save_for_backward(_jacobian(merged, logits))
        else:
            # the weights only so that autograd raises if an optimizer changes them in between
            ctx.save_for_backward(hidden_NH, token_N, normalizer_N, weight_VH, bias_V)
        entropy_N = merged.entropy()
        ctx.mark_non_differentiable(entropy_N)
        return merged.chosen_N - normalizer_N, entropy_N

    @staticmethod
    @once_differentiable  # type: ignore[misc, untyped-decorator]
    def backward(ctx: Any, pull_N: torch.Tensor, _entropy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        if ctx.pull:
            (jacobian_NH,) = ctx.saved_tensors
            return (jacobian_NH * pull_N[:, None]).to(ctx.dtype), *[None] * 6
        hidden_NH, token_N, normalizer_N, *_weights = ctx.saved_tensors
        wanted = _Wanted(*ctx.needs_input_grad[:3])
        return *_gradients(hidden_NH, token_N, normalizer_N, pull_N, ctx.logits, wanted), *[None] * 4


def _jacobian(merged: Merged, logits: Logits) -> torch.Tensor:
    """Return d logp / d hidden of each token."""
    assert merged.pulled_NH is not None
    chosen_NH = at_least_float32(logits.head.weight_VH.detach()[merged.token_N].to(logits.dtype))
    slope_N = logits.slope(merged.chosen_N)
    if slope_N is not None:
        chosen_NH = chosen_NH * slope_N[:, None]
    mean_NH = merged.pulled_NH.div_(merged.total_N[:, None])
    return (chosen_NH - mean_NH).mul_(logits.factor)


@dataclass(frozen=True)
class _Wanted:
    """The inputs whose gradients are required."""

    hidden: bool
    weight: bool
    bias: bool


def _gradients(
    hidden_NH: torch.Tensor,
    token_N: torch.Tensor,
    normalizer_N: torch.Tensor,
    pull_N: torch.Tensor,
    logits: Logits,
    wanted: _Wanted,
) -> tuple[torch.Tensor | None, ...]:
    """Return the gradients of hidden states, weight and bias. Tokens with zero upstream gradient, such as clipped ones,
    are left out of the products.
    """
    live_n = pull_N.nonzero()[:, 0]
    cast_nH, token_n, normalizer_n = hidden_NH.to(logits.dtype), token_N, normalizer_N
    pull_n = pull_N * -logits.factor
    if len(live_n) < len(pull_N):
        cast_nH, token_n, normalizer_n, pull_n = (x[live_n] for x in (cast_nH, token_n, normalizer_n, pull_n))
    drawn_nH = at_least_float32(cast_nH).mul(pull_n[:, None]).to(logits.dtype)
    head = logits.head
    d_hidden_nH = torch.zeros_like(cast_nH, dtype=pull_n.dtype) if wanted.hidden else None
    d_weight_VH = torch.empty_like(head.weight_VH) if wanted.weight else None
    d_bias_V = torch.empty_like(head.bias_V) if wanted.bias and head.bias_V is not None else None
    for chunk in logits.chunks():
        weight_CH = logits.weight(chunk)
        logits_nC = logits.of(cast_nH, weight_CH, chunk)
        slope_nC = logits.slope(logits_nC)
        off_nC = _softmax_less_token(logits_nC, normalizer_n, token_n - chunk.start)
        if slope_nC is not None:
            off_nC.mul_(slope_nC)
        if d_hidden_nH is not None:
            add_product(d_hidden_nH, off_nC, weight_CH)
        if d_bias_V is not None:
            d_bias_V[chunk] = off_nC.T @ pull_n
        if d_weight_VH is not None:
            _put_product(d_weight_VH[chunk], off_nC.T, drawn_nH)
    if d_hidden_nH is not None:
        found_nH = d_hidden_nH.mul_(pull_n[:, None]).to(hidden_NH.dtype)
        d_hidden_NH = torch.zeros_like(hidden_NH).index_copy_(0, live_n, found_nH)
        return d_hidden_NH, d_weight_VH, d_bias_V
    return None, d_weight_VH, d_bias_V


def _softmax_less_token(
    logits_nC: torch.Tensor, normalizer_n: torch.Tensor, at_n: torch.Tensor
) -> torch.Tensor:
    """Return the softmax of a chunk, less 1 at the token, in place of its logits."""
    softmax_nC = logits_nC.sub_(normalizer_n[:, None]).exp_()
    here_n = (at_n >= 0) & (at_n < softmax_nC.shape[1])
    at_n = at_n.clamp(0, softmax_nC.shape[1] - 1)
    return softmax_nC.scatter_add_(1, at_n[:, None], -here_n.to(softmax_nC.dtype)[:, None])


def _put_product(into: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
    """Write left @ right to `into`, with the product in the dtype of `right`."""
    if into.dtype == right.dtype == left.dtype:
        torch.mm(left, right, out=into)
    else:
        into.copy_(left.to(right.dtype) @ right)
