"""What every forward pass gives."""

from __future__ import annotations

from typing import Protocol

import torch

from sspo.types import Batch


class Forward(Protocol):
    """How a policy looks at the rows of a micro-batch. Off the mask all that it gives is finite and meaningless."""

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """logp_BT of the response tokens (nats) at `temperature`, with a gradient where gradients are on."""
        ...

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """logp_BT, and entropy_BT of the distributions that the tokens came from (nats), which has no gradient to rely on."""
        ...
