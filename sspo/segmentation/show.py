"""`python -m sspo.segmentation.show`: print a text with its cuts in color, its segment lengths and a summary.

python -m sspo.segmentation.show --rule subsentence --model path/to/tokenizer protect_latex=false < text
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sspo.config import EMBEDDED, EMBEDDED_BASES, SegmentationConfig
from sspo.config.build import build
from sspo.config.validation import check_segmentation
from sspo.console.command_line import Parser
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.models.policy import load_tokenizer
from sspo.segmentation import segment
from sspo.segmentation.vocabulary import vocabulary_of

STYLES = (
    "black on bright_cyan",
    "black on bright_yellow",
    "black on bright_green",
    "black on bright_magenta",
)
BAR, NEWLINE = "|", "⏎\n"
BAR_WIDTH = 40
LONGEST_BARS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Read a text from standard input and print it cut. Raises UserError."""
    options = _parser().parse_args(arguments)
    config = config_of(options.rule, options.options)
    tokenizer = _tokenizer(options.model)
    text = sys.stdin.read()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ids:
        raise UserError("nothing to cut: pass a text on standard input")
    console = Console(highlight=False, soft_wrap=True)
    show(ids, cut(ids, config, tokenizer, options.seed), tokenizer, console)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m sspo.segmentation.show", description="Print a text with its cuts.")
    parser.add_argument("--rule", default="subsentence", help="name of a rule, or path/to/file.py:function")
    parser.add_argument(
        "--model",
        default=EMBEDDED,
        help=f"one of {', '.join(EMBEDDED_BASES)}, or a folder that holds a tokenizer.json or a model",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of rule 'random'")
    parser.add_argument(
        "options", nargs="*", metavar="key=value", help="segmentation options, such as min_tokens=4"
    )
    return parser


def config_of(rule: str, words: Sequence[str]) -> SegmentationConfig:
    """Parse the options of a command line. Raises UserError."""
    values: dict[str, Any] = {"rule": rule}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign:
            raise UserError(
                f"'{word}' is not an option: write key=value with one of {', '.join(asdict(SegmentationConfig()))}"
            )
        key = key.removeprefix("segmentation.")
        values[key] = value if key == "pattern" else yaml.safe_load(value)
    config = build(SegmentationConfig, values, "segmentation.")
    check_segmentation(config)
    if "entropy_peak" in (config.rule, config.random_like, config.fixed_like):
        raise UserError("rule 'entropy_peak' needs the entropies of a policy, which a text does not have")
    return config


def _tokenizer(path: str) -> PreTrainedTokenizerBase:
    folder = Path(path).expanduser()
    named = path in EMBEDDED_BASES
    if not named and (folder / "tokenizer.json").is_file() and not (folder / "config.json").is_file():
        return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    return load_tokenizer(path)


def cut(
    ids: Sequence[int], config: SegmentationConfig, tokenizer: PreTrainedTokenizerBase, seed: int
) -> list[int]:
    """Return the segment of every token of one text."""
    ids_BT = torch.tensor([ids])
    mask_BT = torch.ones_like(ids_BT, dtype=torch.bool)
    found: list[int] = segment(ids_BT, mask_BT, config, tokenizer, seed=seed)[0].tolist()
    return found


def show(
    ids: Sequence[int], segments: Sequence[int], tokenizer: PreTrainedTokenizerBase, console: Console
) -> None:
    """Print the text in alternating colors with a bar at every cut, then lengths and a summary."""
    console.print(colored(ids, segments, tokenizer))
    console.print()
    lengths = list(Counter(segments).values())
    console.print(_histogram(lengths))
    console.print("lengths in order: " + " ".join(map(str, lengths)))
    console.print(summary(lengths))


def colored(ids: Sequence[int], segments: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> Text:
    """Return the text with one color per segment; line breaks stay visible."""
    pieces_V = vocabulary_of(tokenizer).pieces_V
    text = Text()
    for s in range(segments[-1] + 1):
        whole = b"".join(pieces_V[i] for i, of in zip(ids, segments, strict=True) if of == s)
        shown = whole.decode(errors="replace").replace("\n", NEWLINE)
        text.append(shown, style=STYLES[s % len(STYLES)])
        if s < segments[-1]:
            text.append(BAR, style="bold red")
    return text


def _histogram(lengths: Sequence[int]) -> Table:
    """Return a table of segment lengths and their counts."""
    counts = sorted(Counter(lengths).items())
    most = max(count for _, count in counts)
    table = Table(box=None, pad_edge=False)
    for header in ("tokens", "segments", ""):
        table.add_column(header, justify="right" if header else "left")
    for length, count in counts[:LONGEST_BARS]:
        table.add_row(str(length), str(count), "█" * max(1, round(BAR_WIDTH * count / most)))
    if len(counts) > LONGEST_BARS:
        table.add_row("more", str(sum(count for _, count in counts[LONGEST_BARS:])), "")
    return table


def summary(lengths: Sequence[int]) -> str:
    """Return one line about the lengths. Random cuts are a useful control if the lengths vary by 0.5 of their mean or
    more.
    """
    mean = statistics.fmean(lengths)
    variation = statistics.pstdev(lengths) / mean
    return (
        f"{sum(lengths)} tokens in {len(lengths)} segments: mean {mean:.1f}, median {statistics.median(lengths):g}, "
        f"shortest {min(lengths)}, longest {max(lengths)}, coefficient of variation {variation:.2f}"
    )


if __name__ == "__main__":
    raise SystemExit(one_sentence(main))
