"""Going on with responses, token by token, with a model's past kept.

plain  transformers' own forward pass and caches, for any architecture
lean   fewer and larger steps, for architectures that sspo/models/lean knows
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from sspo.models.decode.lean import LeanDecoder
from sspo.models.decode.plain import PlainDecoder
from sspo.models.lean.layout import layout_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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


def open_decoder(model: PreTrainedModel, decode: str, precision: str) -> Decoder:
    """A decoder over the model's weights as they are now, for one batch. `decode` is a run's option: what 'lean' does not know is decoded plainly."""
    layout = layout_of(model) if decode == "lean" else None
    return PlainDecoder(model, precision) if layout is None else LeanDecoder(model, layout, precision)
