"""A word-level tokenizer over a task's closed vocabulary, as a Hugging Face fast tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.pre_tokenizers import Split, WhitespaceSplit
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")
LINES = Steps([Split(Regex(r"[^\S\n]+"), "removed"), Split("\n", "isolated")])
"""Splits at white space; a line break is a word."""


def build_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """Build the tokenizer: token ids are positions in SPECIAL followed by `words`."""
    vocabulary = {word: i for i, word in enumerate((*SPECIAL, *words))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = LINES if "\n" in words else WhitespaceSplit()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
    )
