"""Which token ids end a response, which one pads, and what a tokenizer appends to a whole text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sspo.errors import UserError
from sspo.models.description import read_described

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SAYS_ENDS = ("generation_config.json", "config.json")
"""Files of a model folder that may name end tokens besides the tokenizer."""


def row_count(model: PreTrainedModel) -> int:
    """How many token ids the model can read and give: rows of its embedding, and of its head where that has fewer."""
    head = model.get_output_embeddings()
    rows = [model.get_input_embeddings().weight.shape[0]]
    return int(min(rows if head is None else [*rows, head.weight.shape[0]]))


def end_ids(path: str, folder: Path, tokenizer: PreTrainedTokenizerFast, rows: int) -> tuple[int, ...]:
    """Every token that ends a response: the tokenizer's, then those that the folder's files name, as far as the model has them.

    A chat model ends its turn with another token than a text, and any of three places may name either. Raises UserError
    where no token is left, as then no response could ever end.
    """
    named = [*_ids(tokenizer.eos_token_id)]
    for name in SAYS_ENDS:
        described = read_described(path, folder / name)
        nested = described.get("text_config")
        for part in (described, nested if isinstance(nested, dict) else {}):
            named += _ids(part.get("eos_token_id"))
    if not named:
        raise UserError(
            f"model.path={path}: neither its tokenizer nor {' or '.join(SAYS_ENDS)} names an end token, so no response could "
            "ever end; set eos_token in tokenizer_config.json"
        )
    usable = tuple(dict.fromkeys(i for i in named if 0 <= i < rows))
    if not usable:
        raise UserError(
            f"model.path={path}: the model has {rows} tokens and its end token is {named[0]}, so no response could ever "
            "end; give it a row with resize_token_embeddings, or name another eos_token"
        )
    return usable


def appended_by(tokenizer: PreTrainedTokenizerFast) -> int:
    """How many tokens the tokenizer puts after a text. A prompt goes on, so it has none of them."""
    whole, bare = tokenizer.encode("1"), tokenizer.encode("1", add_special_tokens=False)
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return len(whole) - start - len(bare)
    return 0


def bos_of(path: str, folder: Path, tokenizer: PreTrainedTokenizerFast) -> int | None:
    """The token that a prompt begins with; None where the tokenizer has none, or the folder says `add_bos_token: false`."""
    if read_described(path, folder / "tokenizer_config.json").get("add_bos_token") is False:
        return None
    bos: int | None = tokenizer.bos_token_id
    return bos


def _ids(value: Any) -> Sequence[int]:
    values = value if isinstance(value, list) else [value]
    return [i for i in values if isinstance(i, int) and not isinstance(i, bool)]
