"""The interface of every decoder."""

from __future__ import annotations

from typing import Protocol

import torch


class Decoder(Protocol):
    """A batch of responses being generated. Logits are float32, of the next token."""

    def begin(
        self, prompt_PL: torch.Tensor, prompt_mask_PL: torch.Tensor, responses: int, max_tokens: int
    ) -> torch.Tensor:
        """Read prompts that are padded on the left. Return logits_BV with `responses` rows per prompt."""
        ...

    def step(self, token_b: torch.Tensor) -> torch.Tensor:
        """Append the next token of each remaining row. Return its logits_bV."""
        ...

    def keep(self, index_b: torch.Tensor) -> None:
        """Continue with only these of the remaining rows."""
        ...
