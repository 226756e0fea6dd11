"""contamination.json: rates and counts of a check, and its printed summary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from sspo.config import OWN_ENGINE
from sspo.contamination.lines import Line
from sspo.contamination.options import COMPLETION, OVERLAP, Options
from sspo.contamination.overlap import fewest
from sspo.contamination.questions import CheckedQuestions, Training
from sspo.errors import UserError
from sspo.metrics.percent import percent
from sspo.metrics.wilson import wilson
from sspo.runs.contamination import FORMAT, check_rates, in_percent
from sspo.runs.content_hash import content_hash

NAMED = 5
"""Maximum number of overlapping questions that the printed table names."""


def described(
    options: Options,
    base: str,
    precision: str,
    asked: Sequence[CheckedQuestions],
    training: Training | None,
    engine: str = OWN_ENGINE,
) -> dict[str, Any]:
    """Return everything that the result depends on: its hash is the check's name."""
    named = (
        COMPLETION in options.checks and engine != OWN_ENGINE
    )  # checks from before engines existed keep their names
    return {
        "format": FORMAT,
        "base": base,
        "checks": list(options.checks),
        "shares": list(options.shares) if COMPLETION in options.checks else None,
        "precision": precision if COMPLETION in options.checks else None,
        "ngram": options.ngram if OVERLAP in options.checks else None,
        "training": None
        if training is None
        else {
            "name": training.name,
            "questions": len(training.problems),
            "whole": training.whole,
            "digest": training.digest,
        },
        "asked": [{"set": one.name, "questions": len(one.problems), "digest": one.digest} for one in asked],
        **({"engine": engine} if named else {}),
    }


def name_of(description: Mapping[str, Any]) -> str:
    """Return the check's name."""
    return content_hash(description)


def rated(description: Mapping[str, Any], lines: Sequence[Line]) -> dict[str, Any]:
    """Return the content of contamination.json."""
    by_set: dict[str, list[Line]] = {one["set"]: [] for one in description["asked"]}
    for line in lines:
        by_set[line["set"]].append(line)
    sets = {
        name: {
            "completion": [_completion(share, of_set) for share in description["shares"] or ()],
            "overlap": _overlap(of_set) if description["ngram"] is not None else None,
        }
        for name, of_set in by_set.items()
    }
    return {**description, "sets": sets}


def _completion(share: float, lines: Iterable[Line]) -> dict[str, Any]:
    mine = [line for line in lines if line["share"] == share]
    asked = [line for line in mine if line["exact"] is not None]
    return {
        "share": share,
        "asked": len(asked),
        "too_short": len(mine) - len(asked),
        "exact": sum(line["exact"] for line in asked),
        "rouge": fmean(line["rouge"] for line in asked) if asked else None,
    }


def _overlap(lines: Iterable[Line]) -> dict[str, Any]:
    mine = {line["question"]: line for line in lines}.values()
    looked = [line for line in mine if line["overlap"] is not None]
    found = [line for line in looked if line["overlap"]]
    return {
        "checked": len(looked),
        "not_checked": len(mine) - len(looked),
        "overlapping": len(found),
        "whole": sum(line["whole"] for line in found),
        "examples": [{"question": line["question"], "training": line["training"]} for line in found],
    }


def read_rates(path: Path, description: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finished check of that description. Raises UserError if the file is not a valid result of it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        check_rates(content)
        if {**content, "sets": None} == {**description, "sets": None}:
            return dict(content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: remove {path.parent} and run the check again") from error
    raise UserError(f"{path} belongs to a different check: remove {path.parent} and run the check again")


def table(rates: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines to print."""
    if rates["shares"]:
        yield from _completed(rates)
    for name, of_set in rates["sets"].items():
        if of_set["overlap"] is not None:
            yield _said(name, of_set["overlap"], rates)


def _completed(rates: Mapping[str, Any]) -> Iterator[str]:
    width = max(map(len, ("set", *rates["sets"])))
    digits = max(3, *(len(in_percent(share)) for share in rates["shares"]))
    yield f"{'set':{width}}  {'shown':>{digits + 2}}  questions  exact match % [95 %]  ROUGE-L"
    for name, of_set in rates["sets"].items():
        for row in of_set["completion"]:
            exact, rouge = interval(row["exact"], row["asked"]), row["rouge"]
            shown = "-" if rouge is None else f"{rouge:.3f}"
            yield (
                f"{name:{width}}  {in_percent(row['share']):>{digits}} %  {row['asked']:9}  {exact:>20}  {shown:>7}"
            )
    for name, of_set in rates["sets"].items():
        short = max(row["too_short"] for row in of_set["completion"])
        if short:
            yield f"{name}: not completed: {short}, of one word"


def _said(name: str, overlap: Mapping[str, Any], rates: Mapping[str, Any]) -> str:
    training = rates["training"]
    if overlap["checked"] == 0:
        return (
            f"{name}: not checked: {overlap['not_checked']}, all of fewer than {fewest(rates['ngram'])} words"
        )
    which = "" if training["whole"] else ", those that one run would draw"
    named = [f"{one['question']} with {one['training']}" for one in overlap["examples"][:NAMED]]
    more = len(overlap["examples"]) - len(named)
    listed = f": {', '.join(named)}" if named else ""
    return (
        f"{name}: {overlap['overlapping']} of {overlap['checked']} questions "
        f"({interval(overlap['overlapping'], overlap['checked'])} %) share {rates['ngram']} words in a row with one of "
        f"{training['questions']} training questions ({training['name']}{which})"
        + (f", or are shorter and stand whole in one ({overlap['whole']})" if overlap["whole"] else "")
        + listed
        + (f" and {more} more" if more else "")
        + (
            f"; not checked: {overlap['not_checked']}, of fewer than {fewest(rates['ngram'])} words"
            if overlap["not_checked"]
            else ""
        )
    )


def interval(events: int, n: int) -> str:
    """Return a share in percent with its interval; a dash if nothing was counted."""
    if n == 0:
        return "-"
    low, high = wilson(events, n)
    return f"{percent(events / n)} [{percent(low)}, {percent(high)}]"
