"""A check, before anything is sampled, that the lean decoder agrees with transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sspo.models.decode.contract import Decoder
from sspo.models.decode.lean import LeanDecoder
from sspo.models.decode.plain import PlainDecoder
from sspo.models.forward.proof import tolerance_of
from sspo.models.lean.layout import Layout
from sspo.randomness import torch_stream

if TYPE_CHECKING:
    from sspo.models.policy import Policy

PROMPTS, RESPONSES, TOKENS = (2, 7, 4), 2, 4
"""Tokens of the prompts, unequal so that there is padding; rows per prompt; tokens to continue by."""
LEFT = (0, 2, 3, 5)
"""Rows that remain after half of the tokens."""


@torch.inference_mode()
def disagreement(policy: Policy, layout: Layout) -> str | None:
    """Return how far apart the decoders are on the same random tokens, in words, or None if rounding explains it.

    As in sspo/models/forward/proof.py, differences are compared with the effect of a change of prompts. Draws come from
    a stream of their own.
    """
    generator = torch_stream(0, "decoders")
    longest = max(PROMPTS)
    prompt_PL = torch.randint(policy.rows, (len(PROMPTS), longest), generator=generator)
    other_PL = torch.randint(policy.rows, prompt_PL.shape, generator=generator)
    mask_PL = torch.arange(longest) >= longest - torch.tensor(PROMPTS)[:, None]
    token_BT = torch.randint(policy.rows, (len(PROMPTS) * RESPONSES, TOKENS), generator=generator)
    device = policy.model.device
    given = mask_PL.to(device), token_BT.to(device)

    def plain() -> PlainDecoder:
        return PlainDecoder(policy.model, policy.precision)

    expected = _seen(plain(), prompt_PL.to(device), *given)
    found = _seen(LeanDecoder(policy.model, layout, policy.precision), prompt_PL.to(device), *given)
    moved = _seen(plain(), other_PL.to(device), *given) - expected
    allowed = tolerance_of(policy.precision).of(float(moved.square().mean().sqrt()))
    apart = float((found - expected).abs().max())
    if apart <= allowed:
        return None
    return f"log-probabilities differ by {apart:.2g} nats, and rounding explains at most {allowed:.2g}"


def _seen(
    decoder: Decoder, prompt_PL: torch.Tensor, mask_PL: torch.Tensor, token_BT: torch.Tensor
) -> torch.Tensor:
    """Return the log-probabilities of the tokens, first those of all rows and then those of the remaining ones."""
    logits_bV = decoder.begin(prompt_PL, mask_PL, RESPONSES, TOKENS)
    seen = []
    for t in range(TOKENS):
        seen.append(logits_bV.log_softmax(-1).gather(1, token_BT[:, t : t + 1])[:, 0])
        if t == TOKENS // 2:
            left_b = torch.tensor(LEFT, device=token_BT.device)
            decoder.keep(left_b)
            token_BT = token_BT[left_b]
        if t + 1 < TOKENS:
            logits_bV = decoder.step(token_BT[:, t])
    return torch.cat(seen)
