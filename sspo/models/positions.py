"""The number of positions of a model. A table of positions ends there; rotary positions continue, untrained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAMES = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_seq_length",
    "max_sequence_length",
    "max_target_positions",
    "n_ctx",
)
"""Names of the limit in config.json, by architecture."""
NESTED = ("text_config", "decoder_config")
"""Keys under which a multimodal model describes the part that writes text."""
TABLES = ("pos", "wpe", "alibi")
"""Parts of the name of a position table."""
BESIDE = 2
"""Number of rows that such a table may have besides the positions."""
ENDS_ALL_THE_SAME = ("mpt",)
"""Model types that build a table of the limit's length only at run time."""


@dataclass(frozen=True, kw_only=True)
class Positions:
    """A model's limit."""

    limit: int | None = None
    """Maximum tokens of prompt and response together; None if config.json names no limit."""
    hard: bool = False
    """True if the model cannot run beyond the limit."""

    def lack(self, prompt: int, response: int) -> str | None:
        """Return what is wrong with these numbers of tokens, in words, or None if they fit."""
        if self.limit is None or prompt + response <= self.limit:
            return None
        return (
            f"it has {self.limit} positions, and a prompt of {prompt} tokens with a response of up to {response} needs "
            f"{prompt + response}"
        )


def limit_of(described: Mapping[str, Any]) -> int | None:
    """Return the limit that a config.json names, under any of its names, or None."""
    for part in (described, *_nested(described)):
        for name in NAMES:
            value = part.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def positions_of(model: PreTrainedModel) -> Positions:
    """Return the limit of a loaded model, including defaults of its class."""
    config = model.config.get_text_config(decoder=True)
    limit = limit_of({name: getattr(config, name, None) for name in NAMES})
    if limit is None:
        return Positions()
    tables = (*model.named_parameters(), *model.named_buffers())
    hard = any(
        any(part in name for part in TABLES) and x.dim() > 1 and limit <= x.shape[0] <= limit + BESIDE
        for name, x in tables
    )
    return Positions(limit=limit, hard=hard or config.model_type in ENDS_ALL_THE_SAME)


def _nested(described: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [described[name] for name in NESTED if isinstance(described.get(name), dict)]
