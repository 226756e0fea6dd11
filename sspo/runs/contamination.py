"""The contamination checks of a store: `<store>/contamination/<hash>/`.

contamination.jsonl  one line per question and visible share of it, with the text that the model wrote
contamination.json   rates and counts, written last: a check without it is not finished
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any

FOLDER = "contamination"
LINES, RATES = "contamination.jsonl", "contamination.json"
FORMAT = 2
"""Format of contamination.json; other formats are not read."""
SHARES = (0.4, 0.6, 0.8)
"""The usual shares of a question, those of arXiv 2507.10532."""
NGRAM = 13
"""The usual n, that of GPT-3 (arXiv 2005.14165)."""


def training_name(train: str | None, task: str) -> str:
    """Return the name of training questions: their file or set, or the task that they belong to."""
    return PurePath(train or task).name.removesuffix(".jsonl")


def in_percent(share: float) -> str:
    """Return a share in percent with all of its digits, so that two shares never look alike."""
    return f"{(Decimal(repr(share)) * 100).normalize():f}"


def count(value: Any) -> int:
    """Return a whole number of at least 0. Raises ValueError for anything else, including true and false."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError(f"{value!r} is not a count")


def fraction(value: Any) -> float:
    """Return a number from 0 to 1. Raises ValueError for anything else."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if known and math.isfinite(value) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"{value!r} is not a share")


def text(value: Any) -> str:
    """Return a text. Raises ValueError for anything else."""
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is not a text")


def flag(value: Any) -> bool:
    """Return true or false. Raises ValueError for anything else."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is neither true nor false")


def check_completion(row: Mapping[str, Any], questions: int) -> None:
    """Raise ValueError, TypeError or KeyError if a share's counts do not add up."""
    fraction(row["share"])
    asked = count(row["asked"])
    _agree(asked + count(row["too_short"]) == questions, "asked and too_short are all questions")
    _agree(count(row["exact"]) <= asked, "no more exact than asked")
    _agree((row["rouge"] is None) == (asked == 0), "rouge where any was asked")
    if asked:
        fraction(row["rouge"])


def check_overlap(row: Mapping[str, Any], questions: int) -> None:
    """Raise ValueError, TypeError or KeyError if counts of an overlap do not add up."""
    checked, overlapping = count(row["checked"]), count(row["overlapping"])
    _agree(checked + count(row["not_checked"]) == questions, "checked and not_checked are all questions")
    _agree(count(row["whole"]) <= overlapping <= checked, "whole <= overlapping <= checked")


def check_rates(content: Mapping[str, Any]) -> None:
    """Raise ValueError, TypeError or KeyError for a contamination.json that no check writes."""
    _agree(count(content["format"]) == FORMAT, "this version")
    text(content["base"])
    shares, ngram, training = content["shares"], content["ngram"], content["training"]
    _agree((shares is None) == (content["precision"] is None), "precision where a model was asked")
    if shares is not None:
        text(content["precision"])
    _agree((ngram is None) == (training is None), "training questions where overlap was looked for")
    if ngram is not None:
        count(ngram)
        for label, kind in (("name", text), ("questions", count), ("whole", flag), ("digest", text)):
            kind(training[label])
    _agree([one["set"] for one in content["asked"]] == list(content["sets"]), "every set once")
    for one in content["asked"]:
        text(one["digest"])
        _check_set(content["sets"][one["set"]], count(one["questions"]), shares, ngram)


def _check_set(of_set: Mapping[str, Any], questions: int, shares: Any, ngram: Any) -> None:
    _agree([row["share"] for row in of_set["completion"]] == list(shares or ()), "every share once")
    for row in of_set["completion"]:
        check_completion(row, questions)
    overlap = of_set["overlap"]
    _agree((overlap is None) == (ngram is None), "overlap where it was looked for")
    if overlap is not None:
        check_overlap(overlap, questions)
        named = [(text(one["question"]), text(one["training"])) for one in overlap["examples"]]
        _agree(len(named) == overlap["overlapping"], "every overlap named")


def _agree(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"want {what}")
