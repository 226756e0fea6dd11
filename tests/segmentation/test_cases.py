"""Short texts with the wanted cuts marked by a bar in the text itself, a file a rule under cases/.

A line is a case and `⏎` a line break; a line like `# min_tokens=2` sets options for the cases below it. Rules on the
text are cut with every vocabulary: a bar inside a token stands for that token's end, and blanks before a bar belong to
the segment after it (except for `regex`, whose matches may hold blanks). The others are cut a word at a time; random
cuts are those of seed 0.
"""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path

import pytest
import torch

from sspo.base.tokenizer import build_tokenizer
from sspo.config import RULES, SegmentationConfig
from sspo.config.build import build
from sspo.segmentation import GROUPS, segment
from tests.segmentation.reference import tokens_of
from tests.segmentation.vocabularies import MADE

CASES = Path(__file__).parent / "cases"
OF_TEXT = ("subsentence", "sentence", "line", "step", "turn", "regex")
OF_WORDS = ("token", "response", "fixed", "fixed_matched", "random", "entropy_peak")
OPTIONS = re.compile(r"# (\w+=.*)")
LEAST = 30


def cases(rule):
    """(options, marked text) of a rule's file."""
    usual = {"fixed_like": "subsentence"} if rule == "fixed_matched" else {}
    options = usual
    for line in (CASES / f"{rule}.txt").read_text().split("\n")[:-1]:
        named = OPTIONS.fullmatch(line)
        if named:
            options = usual | _parsed(named[1])
        else:
            yield options, line.replace("⏎", "\n")


def _parsed(text):
    if text.startswith("pattern="):
        return {"pattern": text.removeprefix("pattern=")}
    words = dict(word.split("=") for word in text.split())
    numbers = {"entropy_quantile": float, "fixed_like": str, "random_like": str}
    return {key: numbers.get(key, int)(value) for key, value in words.items()}


def config_of(rule, options):
    return build(SegmentationConfig, {"rule": "fixed" if rule == "fixed_matched" else rule} | options)


def ends(ids, config, tokenizer, **seen):
    """The tokens that end a segment, the last one aside."""
    ids_BT = torch.tensor([ids])
    found = segment(ids_BT, torch.ones_like(ids_BT, dtype=torch.bool), config, tokenizer, **seen)[0].tolist()
    return {i for i in range(len(ids) - 1) if found[i + 1] != found[i]}


def with_bars(text, offsets, tokens):
    """The text with a bar after each of these tokens."""
    places = {offsets[token][1] for token in tokens}
    return "".join(("|" if i in places else "") + char for i, char in enumerate(text))


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("rule", OF_TEXT)
def test_text_is_cut_where_the_bars_are(rule, name):
    assert_cut_at_bars(rule, MADE[name]())


def assert_cut_at_bars(rule, tokenizer):
    """Every case of a rule's file."""
    for options, marked in cases(rule):
        text = marked.replace("|", "")
        marked = marked if rule == "regex" else re.sub(r"([ \t]+)\|", r"|\1", marked)
        encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        bars = [length - 1 for length in accumulate(map(len, marked.split("|")))][:-1]
        wanted = tokens_of(bars, offsets) - {len(ids) - 1}
        found = ends(ids, config_of(rule, options), tokenizer)
        assert with_bars(text, offsets, found) == with_bars(text, offsets, wanted)


def words_and_bars(marked):
    words = marked.split()
    return [word.lstrip("|") for word in words], {
        i - 1 for i, word in enumerate(words) if word.startswith("|")
    }


@pytest.mark.parametrize("rule", OF_WORDS)
def test_words_are_cut_where_the_bars_are(rule):
    for options, marked in cases(rule):
        words, wanted = words_and_bars(marked)
        tokenizer = build_tokenizer(sorted(set(words)))
        entropy = torch.tensor([[float(word) for word in words]]) if rule == "entropy_peak" else None
        ids = tokenizer(" ".join(words))["input_ids"]
        found = ends(ids, config_of(rule, options), tokenizer, seed=0, entropy_BT=entropy)
        shown = " ".join("|" * (i - 1 in found) + word for i, word in enumerate(words))
        assert shown == marked, (rule, options, wanted)


@pytest.mark.parametrize("rule", [*OF_TEXT, *OF_WORDS])
def test_every_rule_has_its_cases(rule):
    assert len(list(cases(rule))) >= LEAST


def test_every_rule_is_among_them():
    assert {*OF_TEXT, *OF_WORDS, *GROUPS} - {"fixed_matched"} == set(RULES)
