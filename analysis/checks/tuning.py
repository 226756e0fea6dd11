"""What a tuning must meet before tuned arms mean anything, and what a reader must know about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
FEWEST = 2
"""Scored trials per tuned option below which a fit is mostly what it expects before any run."""
CLIP = "objective.clip"
EQUAL = 1e-9
"""Hours: costs this close are equal."""
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
    if not tuning.arms:
        return None, "tuning has not begun"
    tuned = [one for one in tuning.arms if one.options]  # an arm with nothing to tune has one trial
    if not tuned:
        return None, "no arm has an option to tune"
    spent = {one.arm.label: _spent(one, kind) for one in tuned}
    low, high = min(spent.values()), max(spent.values())
    sentence = f"{_range(kind, low, high)} per arm of a budget of {budget_text(tuning)}{_also(tuning, tuned)}"
    if not tuning.settled:
        return None, f"tuning is unfinished: {sentence}"
    dearest = 0.0 if kind == TRIALS else max(getattr(t, kind) for one in tuned for t in one.trials)
    if high - low <= dearest + EQUAL:
        return True, sentence
    least, most = min(spent, key=lambda label: spent[label]), max(spent, key=lambda label: spent[label])
    within = "" if kind == TRIALS else f" by more than the {rounded(dearest, '.3g')} of one trial"
    return False, f"{sentence}; {most} spent more than {least}{within}"


def _spent(one: TunedArm, kind: str) -> float:
    return float(one.settled) if kind == TRIALS else one.cost(kind)


def _range(kind: str, low: float, high: float) -> str:
    """Return what arms spent: `8 trials`, `2.4 to 2.6 core hours`."""
    ends = dict.fromkeys(f"{end:g}" if kind == TRIALS else rounded(end, ".3g") for end in (low, high))
    return f"{' to '.join(ends)} {kind.replace('_', ' ')}"


def _also(tuning: Tuning, tuned: Sequence[TunedArm]) -> str:
    """Return what the trials cost besides the unit of the budget, if that was counted."""
    costs = [
        (kind, [one.cost(kind) for one in tuned])
        for kind in (CORE_HOURS, DEVICE_HOURS)
        if kind != tuning.budget[0]
    ]
    said = [_range(kind, min(spent), max(spent)) for kind, spent in costs if max(spent) > 0]
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
    yield from _hardly_tuned(tuning)
    yield from _differing(tuning)


def _at_edges(tuning: Tuning) -> Iterator[str]:
    found = [(one, key) for one in tuning.arms for key in one.edges]
    for one, key in found[:NAMED]:
        yield (
            f"{one.arm.label}'s best {key} by the fit lies at the edge of its space{_chosen(one, key)}; its true best may lie outside."
        )
    if len(found) > NAMED:
        yield f"The same holds for {len(found) - NAMED} more options of arms."


def _chosen(one: TunedArm, key: str) -> str:
    return "" if one.chosen is None or key not in one.chosen else f" (chosen: {value_text(one.chosen[key])})"


def _stopped(tuning: Tuning) -> Iterator[str]:
    if tuning.pruner == "none":
        return
    stopped = _by_arm(tuning, PRUNED)
    which = f"{_count(tuning, PRUNED)}, which have no score: {stopped}" if stopped else "no trial"
    yield f"A pruner ({tuning.pruner}) was used while tuning; it stopped {which}."


def _failed(tuning: Tuning) -> Iterator[str]:
    if failed := _by_arm(tuning, FAILED):
        yield f"{_count(tuning, FAILED)} of the tuning failed and have no score: {failed}."


def _hardly_tuned(tuning: Tuning) -> Iterator[str]:
    few = [one for one in tuning.chosen if len(one.scored) < FEWEST * len(one.options)]
    if len(few) == 1:
        scored, options = len(few[0].scored), len(few[0].options)
        yield (
            f"{few[0].arm.label} has {scored} scored trial{'' if scored == 1 else 's'} for {options} option{'' if options == 1 else 's'}: "
            "its fit is mostly what the fit expects before any run."
        )
    elif few:
        found = [f"{one.arm.label} ({len(one.scored)} for {len(one.options)})" for one in few]
        yield (
            f"Few scored trials for the options of {listed(found, named=NAMED)}: their fits are mostly what a fit expects before any run."
        )


def clip_is_tuned(evidence: Evidence) -> bool:
    """Return whether clip bounds are among the tuned options of an arm."""
    tuning = tuning_of(evidence)
    spaces = [] if tuning is None else [arm["space"] for arm in tuning.record["arms"].values()]
    keys = (
        key
        for space in spaces
        for entry in space
        for key in (entry["key"], *(entry.get("scales") or ()), *(entry.get("also") or ()))
    )
    return any(key == CLIP or key.startswith(f"{CLIP}.") for key in keys)


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
