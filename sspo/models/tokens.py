"""The token ids that end a response, the one that pads, and those that a tokenizer appends to a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sspo.errors import UserError
from sspo.models.description import read_described

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SAYS_ENDS = ("generation_config.json", "config.json")
"""Files of a model folder, besides the tokenizer's, that may name end tokens."""


def row_count(model: PreTrainedModel) -> int:
    """Return the number of token ids that the model can read and produce: the rows of its embedding, or of its head if
    fewer.
    """
    head = model.get_output_embeddings()
    rows = [model.get_input_embeddings().weight.shape[0]]
    return int(min(rows if head is None else [*rows, head.weight.shape[0]]))


def end_ids(path: str, folder: Path, tokenizer: PreTrainedTokenizerFast, rows: int) -> tuple[int, ...]:
    """Return every token that ends a response: the tokenizer's, then those that the folder's files name, if the model
    has them.

    A chat model ends its turn with a different token than a text, and any of three places may name either. Raises
    UserError if no token is left, because no response could then end.
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
            "end; add a row with resize_token_embeddings, or set a different eos_token"
        )
    return usable


def response_texts(
    rows: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerFast, ends: Sequence[int]
) -> list[str]:
    """Return the texts of responses, rows of token ids, without special tokens and without the token that ended them."""
    kept = [row[:-1] if row and row[-1] in ends else row for row in rows]
    return list(tokenizer.batch_decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def appended_by(tokenizer: PreTrainedTokenizerFast) -> int:
    """Return how many tokens the tokenizer appends to a text. A prompt is continued, so it has none of them."""
    whole, bare = tokenizer.encode("1"), tokenizer.encode("1", add_special_tokens=False)
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return len(whole) - start - len(bare)
    return 0


def bos_of(path: str, folder: Path, tokenizer: PreTrainedTokenizerFast) -> int | None:
    """Return the token that a prompt begins with, or None if the tokenizer has none or the folder sets `add_bos_token:
    false`.
    """
    if read_described(path, folder / "tokenizer_config.json").get("add_bos_token") is False:
        return None
    bos: int | None = tokenizer.bos_token_id
    return bos


def _ids(value: Any) -> Sequence[int]:
    values = value if isinstance(value, list) else [value]
    return [i for i in values if isinstance(i, int) and not isinstance(i, bool)]
