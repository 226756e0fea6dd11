"""Caveats of a comparison of evaluations, as sentences."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.evaluations.named import NamedEvaluation
from analysis.evaluations.paired import asked_apart, ids, matching, pair_label, shared_sets
from analysis.evaluations.scores import blocks

COMPARED = ("model",)
"""Settings in which evaluations may differ: they are the subject of the comparison."""
UNSAID, USUAL = "not stated", "the default"


def flags(evaluations: Sequence[NamedEvaluation]) -> list[str]:
    """Return sentences on unfinished evaluations, settings that differ, questions that not all answered, missing rates, and the notes of the readers."""
    counted = [one for one in evaluations if one.counts]
    return [
        *_unfinished(evaluations),
        *_settings(counted),
        *_questions(counted),
        *_nothing_shared(evaluations),
        *_graded(counted),
        *_notes(evaluations),
    ]


def _unfinished(evaluations: Sequence[NamedEvaluation]) -> Iterator[str]:
    for one in evaluations:
        if one.counts and not one.outcomes.finished:
            yield f"{one.letter} is unfinished: its scores are of the {one.answers} so far, not of all its questions."
        elif not one.counts and not one.outcomes.finished:
            yield f"{one.letter} is unfinished ({one.answers}) and not compared: finish it, or include its answers so far with --partial."
        elif not one.counts:
            yield f"{one.letter} holds no final answer."


def _settings(evaluations: Sequence[NamedEvaluation]) -> Iterator[str]:
    keys = dict.fromkeys(key for one in evaluations for key in one.outcomes.scored_by if key not in COMPARED)
    for key in keys:
        letters: dict[str, list[str]] = {}
        for one in evaluations:
            letters.setdefault(_said(one, key), []).append(one.letter)
        if len(letters) > 1:
            listed = "; ".join(f"{value} ({', '.join(of)})" for value, of in letters.items())
            yield f"Scored differently, {key}: {listed}."


def _said(one: NamedEvaluation, key: str) -> str:
    """Return a setting in words. Our own evaluations record options with dotted names only if they differ from their
    defaults."""
    ours = one.outcomes.source == "sspo" and "." in key
    return one.outcomes.scored_by.get(key, USUAL if ours else UNSAID)


def _questions(evaluations: Sequence[NamedEvaluation]) -> Iterator[str]:
    if len(evaluations) < 2:
        return
    asked = [_asked(one.outcomes.rows) for one in evaluations]
    for name in dict.fromkeys(name for sets in asked for name in sets):
        missing = [one.letter for one, sets in zip(evaluations, asked, strict=True) if name not in sets]
        if missing:
            yield f"{name} was not asked in {', '.join(missing)}: there is no average over sets if one is missing."
            continue
        apart = list(_apart(evaluations, name))
        yield from apart
        if apart:
            continue
        everybody = set.intersection(*(sets[name] for sets in asked))
        anybody = set.union(*(sets[name] for sets in asked))
        if everybody != anybody:
            yield (
                f"{name}: {len(everybody)} of {len(anybody)} questions were answered by all; scores are over each evaluation's own "
                "questions, differences over those that both answered."
            )


def _apart(evaluations: Sequence[NamedEvaluation], name: str) -> Iterator[str]:
    """Yield one sentence per pair that was asked different questions under the same ids."""
    for one, other in itertools.combinations(evaluations, 2):
        if not asked_apart(one, other, name):
            continue
        if ids(one, name) == ids(other, name):
            yield (
                f"{name}: {one.letter} and {other.letter} have the same ids for different questions or right answers, and are not paired."
            )
        else:
            yield (
                f"{name}: {one.letter} and {other.letter} were not asked the same questions, it is not recorded whether equal ids "
                "are the same question, and they are not paired: evaluate both on the same questions."
            )


def _nothing_shared(evaluations: Sequence[NamedEvaluation]) -> Iterator[str]:
    """Yield a sentence per evaluation and decoding that cannot be paired with the first evaluation."""
    first, *others = evaluations
    for other in others if first.counts else ():
        found = matching(blocks(other.outcomes), blocks(first.outcomes)) if other.counts else []
        if other.counts and not found:
            yield f"No common decoding, so nothing is paired: {other.letter} − {first.letter}."
        for mine, theirs in found:
            if not shared_sets(other, first, mine, theirs):
                yield (
                    f"{pair_label(mine, theirs)}: no set with the same questions, so nothing is paired: "
                    f"{other.letter} − {first.letter}."
                )


def _asked(rows: pd.DataFrame) -> dict[str, set[str]]:
    return {str(name): set(questions) for name, questions in rows.groupby("set", sort=False)["question"]}


def _graded(evaluations: Sequence[NamedEvaluation]) -> Iterator[str]:
    """Yield a sentence on evaluations without rates because their values are not verdicts."""
    found = [
        one.letter
        for one in evaluations
        if any(b.samples[0] > 1 and not b.verdicts for b in blocks(one.outcomes))
    ]
    if found:
        yield f"{', '.join(found)}: values between 0 and 1 do not mark answers as right, so there is no pass@k and no maj@k."


def _notes(evaluations: Sequence[NamedEvaluation]) -> Iterator[str]:
    for one in evaluations:
        if one.outcomes.note:
            yield f"{one.letter}: {one.outcomes.note}"
