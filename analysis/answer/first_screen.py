"""The text above a report's tables: the answer, the caveats that come before it, and what holds for every
number.
"""

from __future__ import annotations

from dataclasses import dataclass

from analysis.answer.facts import collapse_fact, gates_fact, runs_fact, seeds_fact, tuning_fact
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
    study, rule = evidence.study, rule_of(evidence)
    marks = [mark for mark in rule.marks if mark != NO_REGISTRATION]  # the standing states the same
    return FirstScreen(
        standing=" · ".join((study.note, rule.standing.state)),
        question=study.question,
        answer=answer(evidence),
        head=(*marks, *captions.failures(evidence)),
        facts=tuple(fact for fact in _facts(evidence) if fact),
        warnings=tuple(captions.run_warnings(evidence)),
        common=captions.of_runs(evidence),
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
        tuning_fact(evidence),
    )
