"""The interface of every forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch

from sspo.types import Batch


class Forward(Protocol):
    """A policy's forward pass over the rows of a micro-batch. Off the mask all results are finite and meaningless."""

    paths: Mapping[str, str]
    """Trainer options and their resolved values: `auto` choices and fallbacks are settled here."""
    remarks: Sequence[str]
    """Warnings: the reasons that a path differs from the requested one."""

    def token_logp(self, part: Batch, temperature: float) -> torch.Tensor:
        """Return logp_BT of the response tokens (nats) at `temperature`, with a gradient if gradients are enabled."""
        ...

    def token_logp_entropy(self, part: Batch, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logp_BT, and entropy_BT of the distributions that the tokens came from (nats), whose gradient is
        unspecified.
        """
        ...
