"""The logits of a chunk of the vocabulary, and the width of a chunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import linear

from sspo.models.device import at_least_float32
from sspo.models.forward.head import Head


@dataclass(frozen=True, kw_only=True)
class Logits:
    """Parameters from which a chunk of logits is computed."""

    head: Head
    temperature: float
    columns: int
    dtype: torch.dtype
    """Type of the matrix products."""

    def chunks(self) -> Iterator[slice]:
        """Yield the vocabulary in parts."""
        for start in range(0, len(self.head.weight_VH), self.columns):
            yield slice(start, start + self.columns)

    def weight(self, chunk: slice) -> torch.Tensor:
        """Return the head's rows of a chunk, in the dtype."""
        return self.head.weight_VH.detach()[chunk].to(self.dtype)

    def of(self, hidden_NH: torch.Tensor, weight_CH: torch.Tensor, chunk: slice) -> torch.Tensor:
        """Return logits (N, C) over temperature, in at least float32. `hidden_NH` has the dtype."""
        bias_V = self.head.bias_V
        bias_C = None if bias_V is None else bias_V.detach()[chunk].to(self.dtype)
        logits_NC = at_least_float32(linear(hidden_NH, weight_CH, bias_C))
        if self.head.softcap is not None:
            cap = self.head.softcap
            return logits_NC.mul_(self.head.scale / cap).tanh_().mul_(cap / self.temperature)
        return logits_NC if self.factor == 1 else logits_NC.mul_(self.factor)

    @property
    def factor(self) -> float:
        """Return the factor on a logit of the matrix product; under a soft cap it holds near 0 only."""
        return self.head.scale / self.temperature

    def slope(self, logits: torch.Tensor) -> torch.Tensor | None:
        """Return the derivative of the cap at its outputs `logits`, or None without a cap (the derivative is then 1)."""
        if self.head.softcap is None:
            return None
        return (logits * (self.temperature / self.head.softcap)).square_().neg_().add_(1)
