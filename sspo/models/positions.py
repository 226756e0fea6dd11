"""How many tokens a model has positions for. A table of positions ends there; rotary ones go on, untrained."""

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
"""What config.json calls the limit, by architecture."""
NESTED = ("text_config", "decoder_config")
"""Where a model of several modalities describes the one that writes text."""
TABLES = ("pos", "wpe", "alibi")
"""Parts of the name of a table of positions."""
BESIDE = 2
"""Rows that such a table may have besides the positions."""
ENDS_ALL_THE_SAME = ("mpt",)
"""Model types that make a table of the limit's length only while they run."""


@dataclass(frozen=True, kw_only=True)
class Positions:
    """A model's limit."""

    limit: int | None = None
    """Tokens of prompt and response together; None where config.json names no limit."""
    hard: bool = False
    """Whether the model cannot run beyond it."""

    def lack(self, prompt: int, response: int) -> str | None:
        """What is wrong with so many tokens of each, in words; None where they fit."""
        if self.limit is None or prompt + response <= self.limit:
            return None
        return (
            f"it has {self.limit} positions, and a prompt of {prompt} tokens with a response of up to {response} takes "
            f"{prompt + response}"
        )


def limit_of(described: Mapping[str, Any]) -> int | None:
    """The limit that a config.json names, under any of its names; None where it names none."""
    for part in (described, *_nested(described)):
        for name in NAMES:
            value = part.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def positions_of(model: PreTrainedModel) -> Positions:
    """The limit of a model that was read, defaults of its class included."""
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
