"""The terminal summary of an evaluation: one line per set and decoding, in percent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from sspo.metrics.at_k import majority, pass_at_k
from sspo.metrics.percent import percent

Row = Mapping[str, Any]
RIGHT = 1.0
MOSTLY = 0.25
"""Share of truncated answers from which a score reflects the limit more than the model."""


def summary(rows: Sequence[Row], pass_at: Sequence[int]) -> list[str]:
    """Return a table of all rows: score with its standard error over questions, pass@k and maj@k, truncated share and
    tokens.
    """
    names = [f"{what}@{k}" for k in pass_at for what in ("pass", "maj")]
    lines = [
        [
            "set",
            "decoding",
            "questions",
            "score %",
            "±SE",
            *(f"{n} %" for n in names),
            "truncated %",
            "tokens",
        ]
    ]
    for (name, temperature), group in _groups(rows).items():
        lines.append(_line(name, temperature, group, pass_at))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]


def _line(name: str, temperature: float, rows: Sequence[Row], pass_at: Sequence[int]) -> list[str]:
    questions: dict[str, list[Row]] = {}
    for row in rows:
        questions.setdefault(row["question"], []).append(row)
    samples = min(map(len, questions.values()))
    means = [fmean(row["value"] for row in group) for group in questions.values()]
    error = percent(stdev(means) / math.sqrt(len(means))) if len(means) > 1 else "–"
    return [
        name,
        f"{_how(temperature)}, avg@{samples}" if temperature else "greedy",
        str(len(questions)),
        percent(fmean(means)),
        error,
        *(text for k in pass_at for text in _at(k, samples, temperature, list(questions.values()))),
        percent(fmean(row["status"] == "truncated" for row in rows)),
        f"{fmean(row['tokens'] for row in rows):.0f}",
    ]


def _at(k: int, samples: int, temperature: float, questions: Sequence[Sequence[Row]]) -> tuple[str, str]:
    """Return pass@k and maj@k in percent; a dash if there are too few samples, no answers to vote on, or values between
    right and wrong.
    """
    graded = any(row["value"] not in (0.0, RIGHT) for group in questions for row in group)
    if not temperature or k > samples or graded:
        return "–", "–"
    right = [sum(row["value"] >= RIGHT for row in group) for group in questions]
    passed = fmean(pass_at_k(len(group), r, k) for group, r in zip(questions, right, strict=True))
    if not all("answer" in row for group in questions for row in group):
        return percent(passed), "–"
    won = fmean(
        majority([row["value"] for row in group], [row["answer"] for row in group], k) for group in questions
    )
    return percent(passed), percent(won)


def warnings(rows: Sequence[Row], max_tokens: int) -> list[str]:
    """Return one sentence for every set and decoding whose answers were mostly truncated."""
    return [
        f"warning: {percent(share)} % of the answers to {name} ({_how(temperature)}) were truncated at max_tokens={max_tokens}: their "
        "score measures the limit, so raise it"
        for (name, temperature), group in _groups(rows).items()
        if (share := fmean(row["status"] == "truncated" for row in group)) >= MOSTLY
    ]


def _groups(rows: Sequence[Row]) -> dict[tuple[str, float], list[Row]]:
    groups: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["temperature"]), []).append(row)
    return groups


def _how(temperature: float) -> str:
    return f"T = {temperature:g}" if temperature else "greedy"
