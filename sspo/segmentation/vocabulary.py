"""Per-vocabulary tables: what each piece of a tokenizer's vocabulary says about where a segment may end."""

from __future__ import annotations

import re
import weakref
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

NUMBER_MARKS = ",."
INSIDE_NUMBER = re.compile(r"(?<=\d)[.,](?=\d)")


@dataclass(frozen=True, kw_only=True)
class VocabularyTable:
    """Boolean tables over token ids, on the CPU; the last row stands for ids past the tokenizer's vocabulary."""

    holds_mark_V: torch.Tensor
    is_number_mark_V: torch.Tensor
    """The piece is a comma or period that could stand inside a number."""
    begins_digit_V: torch.Tensor
    ends_digit_V: torch.Tensor
    is_special_V: torch.Tensor


_TABLES: weakref.WeakKeyDictionary[PreTrainedTokenizerBase, dict[str, VocabularyTable]] = (
    weakref.WeakKeyDictionary()
)


def vocabulary_table(tokenizer: PreTrainedTokenizerBase, marks: str) -> VocabularyTable:
    """The table for a set of delimiter characters, built once a tokenizer."""
    tables = _TABLES.setdefault(tokenizer, {})
    if marks not in tables:
        tables[marks] = build_table(tokenizer, marks)
    return tables[marks]


def build_table(tokenizer: PreTrainedTokenizerBase, marks: str) -> VocabularyTable:
    """Decode every piece once and note what it holds."""
    size = len(tokenizer)
    pieces = tokenizer.batch_decode([[i] for i in range(size)], clean_up_tokenization_spaces=False)
    pieces = [*pieces, ""]  # models pad their vocabulary, and may sample what no tokenizer wrote
    special = set(tokenizer.all_special_ids)
    glued = pieces_are_glued(tokenizer)
    wanted = re.compile(f"[{re.escape(marks)}]")

    def table(says: object) -> torch.Tensor:
        return torch.tensor(says, dtype=torch.bool)

    plain = [i not in special for i in range(size + 1)]
    return VocabularyTable(
        holds_mark_V=table(
            [
                ok and bool(wanted.search(INSIDE_NUMBER.sub("", p)))
                for ok, p in zip(plain, pieces, strict=True)
            ]
        ),
        is_number_mark_V=table([glued and p in NUMBER_MARKS and p != "" for p in pieces]),
        begins_digit_V=table([p[:1].isdigit() for p in pieces]),
        ends_digit_V=table([p[-1:].isdigit() for p in pieces]),
        is_special_V=table([not ok for ok in plain]),
    )


def pieces_are_glued(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether neighbouring pieces can touch. A word-level tokenizer puts spaces between them: `5 , 3` is no number."""
    ids = tokenizer.encode("5,5", add_special_tokens=False)
    text: str = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
    return text.strip() == "5,5"
