"""What a tuning must meet before tuned arms mean anything, and what a reader must know about it."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.checks.scored import listed
from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import (
    CORE_HOURS,
    DEVICE_HOURS,
    FAILED,
    PRUNED,
    TRIALS,
    TunedArm,
    Tuning,
    tuning_of,
)
from analysis.evidence.tuning_words import budget_text, progress, seeds_text, value_text
from analysis.logs.trace import ranges
from analysis.text.rounding import rounded

NAMED = 3
"""Arms that a sentence names before it counts the others."""
SEEDS, BUDGETS = "tuning seeds never return", "equal tuning budgets"
Checked = tuple[str, bool | None, str]
"""A gate's name, whether it holds (None: not known yet), and the evidence."""


def tuning_gates(evidence: Evidence) -> tuple[Checked, ...]:
    """Return the gates of a tuned study; none for other studies."""
    tuning = tuning_of(evidence)
    if tuning is None:
        return ()
    return (SEEDS, *_fresh(evidence, tuning)), (BUDGETS, *_equal(tuning))


def _fresh(evidence: Evidence, tuning: Tuning) -> tuple[bool, str]:
    """Check that no run that is compared has a seed on which points were chosen."""
    arms = (*evidence.study.arms, *(tuning.defaults.study.arms if tuning.defaults else ()))
    pilot = {
        *tuning.seeds,
        *(seed for arm in (tuning.pilots.study.arms if tuning.pilots else ()) for seed in arm.seeds),
    }
    found = [(arm.label, sorted(pilot & set(arm.seeds))) for arm in arms]
    again = [f"{label} (seed {ranges(seeds)})" for label, seeds in found if seeds]
    if again:
        return False, f"points were chosen on seeds that compared runs have: {listed(again, named=NAMED)}"
    return True, f"pilot {seeds_text(tuning)}; no compared run has one"


def _equal(tuning: Tuning) -> tuple[bool | None, str]:
    """Check that every arm spent the same: as many trials, or a cost within that of one trial."""
    kind, _ = tuning.budget
    spent = {one.arm.label: float(one.settled) if kind == TRIALS else one.cost(kind) for one in tuning.arms}
    low, high = min(spent.values()), max(spent.values())
    dearest = (
        max((getattr(trial, kind) for one in tuning.arms for trial in one.trials), default=0.0)
        if kind != TRIALS
        else 0.0
    )
    words = kind.replace("_", " ")
    said = f"{_number(kind, low)} to {_number(kind, high)}" if low != high else _number(kind, low)
    sentence = f"{said} {words} per arm of a budget of {budget_text(tuning)}{_also(tuning)}"
    if not tuning.settled:
        return None, f"tuning is unfinished: {sentence}"
    if high - low <= dearest + 1e-9:
        return True, sentence
    least, most = min(spent, key=lambda label: spent[label]), max(spent, key=lambda label: spent[label])
    within = "" if kind == TRIALS else f", more than the {_number(kind, dearest)} of one trial"
    return False, f"{sentence}; {most} spent more than {least}{within}"


def _number(kind: str, value: float) -> str:
    return f"{value:g}" if kind == TRIALS else rounded(value, ".3g")


def _also(tuning: Tuning) -> str:
    """Return what equal numbers of trials cost, if they were counted."""
    costs = [(kind, [one.cost(kind) for one in tuning.arms]) for kind in (CORE_HOURS, DEVICE_HOURS)]
    said = [
        f"{rounded(min(spent), '.3g')} to {rounded(max(spent), '.3g')} {kind.replace('_', ' ')}"
        for kind, spent in costs
        if kind != tuning.budget[0] and max(spent, default=0.0) > 0
    ]
    return f", at {' and '.join(said)}" if said else ""


def tuning_flags(evidence: Evidence) -> Iterator[str]:
    """Yield what limits the comparison of tuned arms, as sentences."""
    tuning = tuning_of(evidence)
    if tuning is None:
        return
    if not tuning.settled:
        yield f"Tuning is unfinished: {progress(tuning)}."
    yield from _at_edges(tuning)
    yield from _stopped(tuning)
    yield from _failed(tuning)
    yield from _differing(tuning)


def _at_edges(tuning: Tuning) -> Iterator[str]:
    found = [(one, key) for one in tuning.arms for key in one.edges]
    for one, key in found[:NAMED]:
        yield f"{_chosen(one, key)} lies at the edge of its space; its best may lie outside."
    if len(found) > NAMED:
        yield f"{len(found) - NAMED} more chosen values lie at the edge of their space."


def _chosen(one: TunedArm, key: str) -> str:
    assert one.chosen is not None, "an arm with an edge has its point"
    return f"{one.arm.label}'s chosen {key} ({value_text(one.chosen[key])})"


def _stopped(tuning: Tuning) -> Iterator[str]:
    if tuning.pruner == "none":
        return
    stopped = _by_arm(tuning, PRUNED)
    which = f"{_count(tuning, PRUNED)}, which have no score: {stopped}" if stopped else "no trial"
    yield f"A pruner ({tuning.pruner}) was used while tuning; it stopped {which}."


def _failed(tuning: Tuning) -> Iterator[str]:
    if failed := _by_arm(tuning, FAILED):
        yield f"{_count(tuning, FAILED)} of the tuning failed and have no score: {failed}."


def _count(tuning: Tuning, state: str) -> str:
    number = sum(one.in_state(state) for one in tuning.arms)
    return f"{number} trial{'' if number == 1 else 's'}"


def _by_arm(tuning: Tuning, state: str) -> str:
    found = [f"{one.arm.label} ({number})" for one in tuning.arms if (number := one.in_state(state))]
    return listed(found, named=NAMED) if found else ""


def _differing(tuning: Tuning) -> Iterator[str]:
    differ = [one.arm.label for one in tuning.arms if one.differs]
    if differ:
        yield (
            f"The recorded choice is not the one that these logs give for {listed(differ, named=NAMED)}: the runs are at the recorded one."
        )
    without = [one.arm.label for one in tuning.arms if one.chosen is not None and one.surface is None]
    if without:
        yield f"The choice cannot be made again for {listed(without, named=NAMED)}: no pilot run of these logs is scored."
