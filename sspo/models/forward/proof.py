"""A check that a forward pass agrees with transformers' own, up to rounding.

An untrained model hardly depends on its past, so differences are compared with that dependence: the effect of a
different prompt on the same tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from sspo.models.device import is_out_of_memory
from sspo.randomness import torch_stream
from sspo.types import Batch

if TYPE_CHECKING:
    from sspo.models.forward.contract import Forward
    from sspo.models.policy import Policy

PROMPTS, RESPONSES = (2, 9, 5), (6, 1, 4)
"""Tokens of the compared rows: unequal, so that there is padding on both sides."""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The effect of rounding on a log-probability."""

    share: float
    """Share of the dependence on the prompt (root mean square, nats)."""
    floor: float
    """Nats."""

    def of(self, dependence: float) -> float:
        """Return the largest difference that counts as rounding, in nats."""
        return max(self.floor, self.share * dependence)


FLOAT32 = Tolerance(share=0.005, floor=2e-5)
BFLOAT16 = Tolerance(share=0.3, floor=0.02)
"""For forward passes in bfloat16, see models/device.py."""


def tolerance_of(precision: str) -> Tolerance:
    """Return the tolerance of a policy's precision."""
    return BFLOAT16 if precision == "bfloat16" else FLOAT32


def dependence(forward: Forward, part: Batch, seen_BT: torch.Tensor, other_BL: torch.Tensor) -> float:
    """Return the effect of replacing the prompts by `other_BL` on the log-probabilities `seen_BT` of a part's tokens,
    as a root mean square.
    """
    other = replace(part, prompt_BL=other_BL.to(part.prompt_BL.device))
    moved_BT = (forward.token_logp(other, 1.0) - seen_BT)[part.mask_BT]
    return float(moved_BT.square().mean().sqrt())


@torch.no_grad()
def disagreement(forward: Forward, plain: Forward, policy: Policy) -> str | None:
    """Return why `forward` cannot replace `plain`: its failure, or how far apart they are; None if they agree.

    Draws come from a stream of their own.
    """
    generator = torch_stream(0, "proof")
    part = _random_rows(policy, generator).to(policy.model.device)
    expected_BT, entropy_BT = plain.token_logp_entropy(part, 1.0)
    try:
        found_BT, found_entropy_BT = forward.token_logp_entropy(part, 1.0)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    other_BL = torch.randint(policy.rows, part.prompt_BL.shape, generator=generator)
    allowed = tolerance_of(policy.precision).of(dependence(plain, part, expected_BT, other_BL))
    apart = max(
        float((found - expected)[part.mask_BT].abs().max())
        for found, expected in ((found_BT, expected_BT), (found_entropy_BT, entropy_BT))
    )
    if apart <= allowed:
        return None
    return f"log-probabilities or entropies differ by {apart:.2g} nats, and rounding explains at most {allowed:.2g}"


def _random_rows(policy: Policy, generator: torch.Generator) -> Batch:
    """Return rows of which the model reads only the tokens."""
    shape_BL, shape_BT = (len(PROMPTS), max(PROMPTS)), (len(RESPONSES), max(RESPONSES))
    prompt_B, response_B = torch.tensor(PROMPTS), torch.tensor(RESPONSES)
    return bare_batch(
        torch.randint(policy.rows, shape_BL, generator=generator),
        torch.arange(max(PROMPTS)) >= max(PROMPTS) - prompt_B[:, None],
        torch.randint(policy.rows, shape_BT, generator=generator),
        torch.arange(max(RESPONSES)) < response_B[:, None],
    )


def bare_batch(
    prompt_BL: torch.Tensor, prompt_mask_BL: torch.Tensor, response_BT: torch.Tensor, mask_BT: torch.Tensor
) -> Batch:
    """Return a batch with tokens alone, for passes without a loss."""
    nothing_BT = torch.zeros(mask_BT.shape, device=mask_BT.device)
    return Batch(
        prompt_BL=prompt_BL,
        prompt_mask_BL=prompt_mask_BL,
        response_BT=response_BT,
        mask_BT=mask_BT,
        advantage_BT=nothing_BT,
        segment_id_BT=nothing_BT.long(),
        old_logp_BT=nothing_BT,
        entropy_BT=nothing_BT,
    )
