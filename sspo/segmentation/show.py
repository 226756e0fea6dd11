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
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sspo.config import EMBEDDED, EMBEDDED_BASES, ModelConfig, SegmentationConfig, TrainerConfig
from sspo.config.build import build
from sspo.config.plugins.in_use import rules_in_use
from sspo.config.validation import check_segmentation
from sspo.console.command_line import Parser
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.metrics.raised import raised
from sspo.models.forward import open_forward
from sspo.models.policy import Policy, load_policy, load_tokenizer
from sspo.segmentation import segment
from sspo.segmentation.vocabulary import vocabulary_of
from sspo.types import Batch

STYLES = (
    "black on bright_cyan",
    "black on bright_yellow",
    "black on bright_green",
    "black on bright_magenta",
)
BAR, NEWLINE = "|", "⏎\n"
BY_ENTROPY = ("entropy_peak", "entropy_group")
BAR_WIDTH = 40
LONGEST_BARS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Read a text from standard input and print it cut. Raises UserError."""
    options = _parser().parse_args(arguments)
    config = config_of(options.rule, options.options)
    policy = (
        load_policy(ModelConfig(path=options.model), torch.device("cpu")) if _by_entropy(config) else None
    )
    tokenizer = _tokenizer(options.model) if policy is None else policy.tokenizer
    text = sys.stdin.read()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ids:
        raise UserError("nothing to cut: pass a text on standard input")
    entropy_BT = None if policy is None else entropies(ids, options.prompt, policy)
    console = Console(highlight=False, soft_wrap=True)
    show(ids, cut(ids, config, tokenizer, options.seed, entropy_BT), tokenizer, console)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m sspo.segmentation.show", description="Print a text with its cuts.")
    parser.add_argument("--rule", default="subsentence", help="name of a rule, or path/to/file.py:function")
    parser.add_argument(
        "--model",
        default=EMBEDDED,
        help=f"one of {', '.join(EMBEDDED_BASES)}, or a folder that holds a tokenizer.json or a model",
    )
    parser.add_argument(
        "--prompt", default="", help="prompt that the text answers, for rules that read the model's entropies"
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
    return config


def _by_entropy(config: SegmentationConfig) -> bool:
    """Return whether the rule reads entropies: such a rule needs a model."""
    return any(name in BY_ENTROPY for name in rules_in_use(config))


@torch.no_grad()
def entropies(ids: Sequence[int], prompt: str, policy: Policy) -> torch.Tensor:
    """Return the model's entropy (nats) at each token of a text that answers a prompt, (1, T)."""
    prompt_BL, response_BT = torch.tensor([policy.encode(prompt)]), torch.tensor([ids])
    nothing_BT = torch.zeros(response_BT.shape)
    batch = Batch(
        prompt_BL=prompt_BL,
        prompt_mask_BL=torch.ones_like(prompt_BL, dtype=torch.bool),
        response_BT=response_BT,
        mask_BT=torch.ones_like(response_BT, dtype=torch.bool),
        advantage_BT=nothing_BT,
        segment_id_BT=nothing_BT.long(),
        old_logp_BT=nothing_BT,
        entropy_BT=nothing_BT,
    )
    return open_forward(policy, TrainerConfig()).token_logp_entropy(batch, temperature=1.0)[1]


def _tokenizer(path: str) -> PreTrainedTokenizerBase:
    folder = Path(path).expanduser()
    named = path in EMBEDDED_BASES
    if not named and (folder / "tokenizer.json").is_file() and not (folder / "config.json").is_file():
        return PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    return load_tokenizer(path)


def cut(
    ids: Sequence[int],
    config: SegmentationConfig,
    tokenizer: PreTrainedTokenizerBase,
    seed: int,
    entropy_BT: torch.Tensor | None = None,
) -> list[int]:
    """Return the segment of every token of one text."""
    ids_BT = torch.tensor([ids])
    mask_BT = torch.ones_like(ids_BT, dtype=torch.bool)
    found: list[int] = segment(ids_BT, mask_BT, config, tokenizer, entropy_BT, seed)[0].tolist()
    return found


def show(
    ids: Sequence[int], segments: Sequence[int], tokenizer: PreTrainedTokenizerBase, console: Console
) -> None:
    """Print the text in alternating colors with a bar at every cut, then lengths and a summary. Bars between groups of
    tokens have the number of the group that follows.
    """
    console.print(colored(ids, segments, tokenizer))
    console.print()
    counts = Counter(segments)
    lengths = [counts[s] for s in sorted(counts)]
    console.print(_histogram(lengths))
    console.print("lengths in order: " + " ".join(map(str, lengths)))
    console.print(summary(lengths))


def colored(ids: Sequence[int], segments: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> Text:
    """Return the text with one color per segment; line breaks stay visible."""
    pieces_V = vocabulary_of(tokenizer).pieces_V
    grouped = any(after < before for before, after in pairwise(segments))
    text = Text()
    for n, (s, members) in enumerate(groupby(zip(segments, ids, strict=True), key=itemgetter(0))):
        number = raised(s + 1) if grouped else ""
        if n or grouped:
            text.append(BAR + number, style="bold red")
        whole = b"".join(pieces_V[i] for _, i in members)
        text.append(whole.decode(errors="replace").replace("\n", NEWLINE), style=STYLES[s % len(STYLES)])
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
