"""What every decoder does."""

from __future__ import annotations

from typing import Protocol

import torch


class Decoder(Protocol):
    """A batch of responses in the making. Logits are float32, of the token that comes next."""

    def begin(
        self, prompt_PL: torch.Tensor, prompt_mask_PL: torch.Tensor, responses: int, max_tokens: int
    ) -> torch.Tensor:
        """Read prompts that are padded on the left. Returns logits_BV, `responses` rows a prompt."""
        ...

    def step(self, token_b: torch.Tensor) -> torch.Tensor:
        """Take the next token of each row that is left; returns its logits_bV."""
        ...

    def keep(self, index_b: torch.Tensor) -> None:
        """Go on with these of the rows that are left."""
        ...
