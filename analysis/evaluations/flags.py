"""What makes a comparison of evaluations less than it looks, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.evaluations.named import Named

COMPARED = ("model",)
"""What evaluations may differ in, for that is what they are compared for."""
UNSAID = "not said"


def flags(evaluations: Sequence[Named]) -> list[str]:
    """Settings that differ, questions that not all answered, what is unfinished, and the notes of the readers."""
    counted = [one for one in evaluations if one.counts]
    return [*_unfinished(evaluations), *_settings(counted), *_questions(counted), *_notes(evaluations)]


def _unfinished(evaluations: Sequence[Named]) -> Iterator[str]:
    for one in evaluations:
        if one.counts and not one.outcomes.finished:
            yield f"{one.letter} is unfinished: its scores are of the {one.answers} that are there, and not of its questions."
        elif not one.counts and not one.outcomes.finished:
            yield f"{one.letter} is unfinished ({one.answers}) and not compared: finish it, or count what is there with --partial."
        elif not one.counts:
            yield f"{one.letter} holds no final answer."


def _settings(evaluations: Sequence[Named]) -> Iterator[str]:
    keys = dict.fromkeys(key for one in evaluations for key in one.outcomes.scored_by if key not in COMPARED)
    for key in keys:
        letters: dict[str, list[str]] = {}
        for one in evaluations:
            letters.setdefault(one.outcomes.scored_by.get(key, UNSAID), []).append(one.letter)
        if len(letters) > 1:
            told = "; ".join(f"{value} ({', '.join(of)})" for value, of in letters.items())
            yield f"Scored differently, {key}: {told}."


def _questions(evaluations: Sequence[Named]) -> Iterator[str]:
    if len(evaluations) < 2:
        return
    asked = [_asked(one.outcomes.rows) for one in evaluations]
    for name in dict.fromkeys(name for sets in asked for name in sets):
        missing = [one.letter for one, sets in zip(evaluations, asked, strict=True) if name not in sets]
        if missing:
            yield f"{name} was not asked in {', '.join(missing)}: where a set is missing there is no average."
            continue
        everybody = set.intersection(*(sets[name] for sets in asked))
        anybody = set.union(*(sets[name] for sets in asked))
        if everybody != anybody:
            yield (
                f"{name}: {len(everybody)} of {len(anybody)} questions were answered by all; scores are of each one's own "
                "questions, differences of those that both answered."
            )


def _asked(rows: pd.DataFrame) -> dict[str, set[str]]:
    return {str(name): set(questions) for name, questions in rows.groupby("set", sort=False)["question"]}


def _notes(evaluations: Sequence[Named]) -> Iterator[str]:
    for one in evaluations:
        if one.outcomes.note:
            yield f"{one.letter}: {one.outcomes.note}"
