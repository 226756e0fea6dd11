"""Token choice: one token per row, from its logits and given random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from sspo.randomness import uniforms

Draws = torch.Generator | Sequence[int]
"""Source of a batch's random numbers: a generator that all rows share, or one stream (sspo.randomness.derive) per row,
whose tokens then depend neither on the other rows nor on their number.
"""
Picker = Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]
"""(logits_bV, row_b, t) -> token_b: the tokens at position t of the batch's rows row_b."""
SLOWEST = 24.0
"""The longest waiting time of a token: a uniform number that float32 rounds to one must not make it infinite."""

AT_ONCE = 1 << 18
"""Numbers that fit into a processor's cache: drawing them in such blocks is twice as fast on a CPU."""

FEW = 1024
"""Number of tokens that nearly always contain the nucleus, and are found faster than all are sorted."""


def picker(
    draws: Draws,
    rows: int,
    max_tokens: int,
    temperature: float,
    top_p: float,
    device: torch.device,
    *,
    top_k: int = 0,
) -> Picker:
    """Return the function that picks a batch's tokens; greedy at temperature 0, whatever the draws."""
    if isinstance(draws, torch.Generator):
        # drawn even if nothing is sampled, on the CPU and before the loop: a row's tokens depend only on its own numbers
        uniform_BT = torch.rand(rows, max_tokens, generator=draws).to(device)
        return lambda logits_bV, row_b, t: pick(
            kept(logits_bV, temperature, top_p, top_k), uniform_BT[row_b, t], temperature
        )
    if len(draws) != rows:
        raise ValueError(f"{len(draws)} streams for {rows} rows")
    stream_B = torch.tensor(draws, dtype=torch.long, device=device)
    return lambda logits_bV, row_b, t: pick_by_stream(
        kept(logits_bV, temperature, top_p, top_k), stream_B[row_b], t, temperature
    )


def pick(logits_BV: torch.Tensor, uniform_B: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return one token per row: the arg max at temperature 0, else the inverse CDF at `uniform_B`."""
    if temperature == 0:
        return logits_BV.argmax(-1)
    cdf_BV = (logits_BV / temperature).softmax(-1).cumsum(-1)
    token_B = torch.searchsorted(cdf_BV, (uniform_B * cdf_BV[:, -1])[:, None], right=True)[:, 0]
    return token_B.clamp(max=logits_BV.shape[1] - 1)


def pick_by_stream(
    logits_BV: torch.Tensor, stream_B: torch.Tensor, step: int, temperature: float
) -> torch.Tensor:
    """Return one token per row: the arg max at temperature 0, else the winner of a race (Gumbel-max).

    Every token waits for an exponential time with its probability as the rate, and the first one is picked: this is a
    draw from the softmax. Rounding of the logits changes the winner only if two tokens arrive together. An inverse CDF
    would accumulate the rounding of every token before the one it finds, and batches of different sizes round
    differently.
    """
    if temperature == 0:
        return logits_BV.argmax(-1)
    rows = max(1, AT_ONCE // logits_BV.shape[1]) if logits_BV.device.type == "cpu" else len(logits_BV)
    parts = zip(logits_BV.split(rows), stream_B.split(rows), strict=True)
    return torch.cat([_first(logits_bV / temperature, stream_b, step) for logits_bV, stream_b in parts])


def _first(score_bV: torch.Tensor, stream_b: torch.Tensor, step: int) -> torch.Tensor:
    waiting_bV = -torch.log1p(-uniforms(stream_b, step, score_bV.shape[1]))
    return (score_bV - waiting_bV.clamp_(max=SLOWEST).log_()).argmax(-1)


def kept(logits_BV: torch.Tensor, temperature: float, top_p: float, top_k: int = 0) -> torch.Tensor:
    """Return logits with -inf for tokens that may not be drawn: the nucleus of the `top_k` likeliest tokens is kept,
    whose probabilities sum to 1.

    vLLM and transformers apply the two in this order too.
    """
    if temperature == 0:
        return logits_BV
    return nucleus(likeliest(logits_BV, top_k), temperature, top_p)


def likeliest(logits_BV: torch.Tensor, top_k: int) -> torch.Tensor:
    """Return the logits of the `top_k` likeliest tokens, -inf for the others; 0 keeps all. Ties with the last one are
    kept too.
    """
    if not 0 < top_k < logits_BV.shape[1]:
        return logits_BV
    last_B1 = logits_BV.topk(top_k).values[:, -1:]
    return logits_BV.masked_fill(logits_BV < last_B1, float("-inf"))


def nucleus(logits_BV: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Return the logits of the smallest set of likeliest tokens with a total probability of at least `top_p`, -inf for
    the others.

    Nucleus sampling, arXiv 1904.09751. The likeliest token is always kept, and of equally likely ones all or none.
    """
    if temperature == 0 or top_p >= 1:
        return logits_BV
    whole_B1 = (logits_BV / temperature).logsumexp(-1, keepdim=True)
    size = logits_BV.shape[1]
    for few in (min(FEW, size), size):
        top_BK = logits_BV.topk(few).values
        p_BK = (top_BK / temperature - whole_B1).exp()
        reached_BK = p_BK.cumsum(-1) >= top_p
        if few == size or bool(reached_BK[:, -1].all()):
            break
    last_B = (~reached_BK).sum(-1, keepdim=True).clamp(max=few - 1)
    return logits_BV.masked_fill(logits_BV < top_BK.gather(-1, last_B), float("-inf"))


def log_prob(logits_BV: torch.Tensor, token_B: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the log-probability of each row's token (nats) at a temperature above 0."""
    return (logits_BV / temperature).log_softmax(-1).gather(1, token_B[:, None])[:, 0]


def entropy(logits_BV: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the entropy of each row's distribution (nats) at a temperature above 0."""
    entropy_B: torch.Tensor = torch.special.entr((logits_BV / temperature).softmax(-1)).sum(-1)
    return entropy_B
