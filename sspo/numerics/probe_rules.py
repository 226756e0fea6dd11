"""Segment ids of every rule and option of segmentation, on texts of many kinds, with byte tokens and with merged
pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sspo.base.recipe import RECIPES, weights_folder
from sspo.config import RULES, SegmentationConfig
from sspo.numerics.probe_losses import bits
from sspo.randomness import python_stream
from sspo.runs.epochs import flat
from sspo.segmentation import segment
from sspo.tasks.chain import ChainTask, worked_answer

TEXTS = (
    "So x is 3. Then, if y is 4, x + y = 7; done! Is it? Yes: it is.\n\nThe answer is 7.",
    "To solve it:\n1. Add 4 and 5.\n2. Halve the sum, e.g. 9 / 2 = 4.5.\n- So 1,000 is more than 4.5.\n",
    "We have $x = 1, y = 2.$ Then \\(x + y = 3.\\) and \\[z = 4, w = 5.\\] Hence \\boxed{1{,}024}, as wanted.",
    '```python\nf(a, b)\nx = 1.5\n```\nIt prints 2. The ratio is 3:2, so it left at 10:30. "Fine," she said.',
    "\u6b65\u9aa41\uff1a\u8ba1\u7b97\uff0c3+4\uff1d7\u3002\u7ed3\u679c\uff1a\u662f7\uff01\u5bf9\u5417\uff1f\u5bf9\uff1b\u5b8c\u3001\u4e86\u3002",
    "**Step 1:** Let n = 12, so Dr. Fig. 3 shows n. **Step 2:** (n - 2) = 10... and so on -- see p. 4.\r\nEnd",
    " \n \n  So,  \n\n\nthen .  ; , \t x",
)
PIECES = (("\u0120", "\u0120"), ("t", "h"), ("th", "e"), (".", "\u010a"), (",", "\u0120"), ("1", "0"))
"""Merges of the second vocabulary: blanks, a word, and marks that share a piece with the following text."""


ANSWERS = 12
"""Worked answers of each base that ships with the project."""


def configs() -> dict[str, SegmentationConfig]:
    """Return the probed configurations by name."""
    plain = SegmentationConfig()
    named = {rule: replace(plain, rule=rule) for rule in RULES}
    for like in ("sentence", "line", "token", "entropy_group"):
        named[f"random like {like}"] = replace(plain, rule="random", random_like=like)
        named[f"fixed like {like}"] = replace(plain, rule="fixed", fixed_like=like)
    named["fixed of 3"] = replace(plain, rule="fixed", fixed_tokens=3)
    named["entropy_peak at .5"] = replace(plain, rule="entropy_peak", entropy_quantile=0.5)
    named["regex on commas"] = replace(plain, rule="regex", pattern=r",\s*")
    for rule in ("subsentence", "sentence", "step"):
        named[f"{rule} of 5 to 9"] = replace(plain, rule=rule, min_tokens=5, max_tokens=9)
        for option in ("numbers", "abbreviations", "latex", "code"):
            off: dict[str, Any] = {f"protect_{option}": False}
            named[f"{rule} without {option}"] = replace(plain, rule=rule, **off)
    return named


def rule_entries() -> dict[str, Any]:
    """Return one probe entry per configuration and kind of base model, and one part per text and vocabulary.

    The bases that ship with the project have texts of their own, so that a change of cuts that cannot occur in their
    texts does not touch their runs.
    """
    shipped = {base: _texts_of(base) for base in RECIPES}
    found = {}
    for name, config in configs().items():
        found[f"ids of {name}"] = _entry("other", config, _any_texts())
        for base, texts in shipped.items():
            found[f"ids of {name}, {base}"] = _entry(base, config, texts)
    return found


Texts = Mapping[str, tuple[PreTrainedTokenizerFast, Sequence[str]]]
"""By the name of a vocabulary: the tokenizer, and the texts that are segmented with it."""


def _any_texts() -> Texts:
    return {name: (byte_tokenizer(merges), TEXTS) for name, merges in (("bytes", ()), ("pieces", PIECES))}


def _texts_of(base: str) -> Texts:
    """Return worked answers as the base was taught them, right ones and wrong ones."""
    problems = ChainTask().train_problems(0, 0, ANSWERS)
    style = RECIPES[base].style
    texts = [worked_answer(one.prompt, python_stream(0, one.id), style=style) for one in problems]
    return {
        base: (PreTrainedTokenizerFast.from_pretrained(weights_folder(base), trust_remote_code=False), texts)
    }


def _entry(base: str, config: SegmentationConfig, texts: Texts) -> dict[str, Any]:
    parts = {}
    for name, (tokenizer, written) in texts.items():
        for number, text in enumerate(written):
            parts[f"{name} {number}"] = bits(_ids(config, tokenizer, text, number))
    return {"options": {"model.path": base, **flat({"segmentation": asdict(config)})}, "parts": parts}


def _ids(
    config: SegmentationConfig, tokenizer: PreTrainedTokenizerFast, text: str, seed: int
) -> torch.Tensor:
    ids_BT = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
    entropy_BT = torch.rand(ids_BT.shape, generator=torch.Generator().manual_seed(seed)) * 2
    return segment(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool), config, tokenizer, entropy_BT, seed=3)


def byte_tokenizer(merges: tuple[tuple[str, str], ...]) -> PreTrainedTokenizerFast:
    """Return a tokenizer with one token per byte, and the merged ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*alphabet, *("".join(pair) for pair in merges), "<eos>"]
    tokenizer = Tokenizer(models.BPE({word: i for i, word in enumerate(words)}, list(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>")  # noqa: S106
