"""The text above a report's tables: the answer, the caveats that come before it, and what holds for every
number.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.answer.facts import collapse_fact, gates_fact, runs_fact, seeds_fact
from analysis.answer.sentence import answer
from analysis.evidence.evidence import Evidence
from analysis.inference.rule import rule_of
from analysis.registration.standing import NO_REGISTRATION
from analysis.tables import captions


@dataclass(frozen=True)
class FirstScreen:
    """Texts; pages escape them."""

    standing: str
    """The preset, and whether the study was registered."""
    question: str
    answer: str
    """At most 45 words."""
    head: tuple[str, ...]
    """The state of a registration, and failed gates with their numbers."""
    facts: tuple[str, ...]
    """What was run and how it was scored, a few words each."""
    warnings: tuple[str, ...]
    """Runs that did not finish, and reasons why a comparison means nothing or something else."""
    common: tuple[str, ...]
    """What holds for every table and figure and is not stated above."""


def first_screen(evidence: Evidence) -> FirstScreen:
    """Return the first screen of a study."""
    study, marks = evidence.study, rule_of(evidence).marks
    head = [line for line in captions.head(evidence) if line != NO_REGISTRATION]
    warnings = captions.warnings(evidence)
    above = {study.note_sentence, *marks, *captions.failed_sentence(evidence)}
    return FirstScreen(
        standing=" · ".join((study.note, rule_of(evidence).standing.state)),
        question=study.question,
        answer=answer(evidence),
        head=tuple(head),
        facts=tuple(fact for fact in _facts(evidence) if fact),
        warnings=tuple(line for line in warnings if line not in above),
        common=tuple(
            line for line in captions.common(evidence) if line not in (*warnings, captions.of_study(evidence))
        ),
    )


def _facts(evidence: Evidence) -> tuple[str, ...]:
    study = evidence.study
    how = captions.decoding(evidence, study.mode, study.temperature)
    sets = f" over {len(evidence.sets)} sets" if len(evidence.sets) > 1 else ""
    return (
        gates_fact(evidence),
        runs_fact(evidence),
        seeds_fact(evidence),
        how + sets,
        collapse_fact(evidence),
    )
