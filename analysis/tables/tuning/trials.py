"""The table of trials: every point that was tried for an arm, with the scores of its pilot runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import COMPLETE, Trial, TunedArm, Tuning, trials_trace, tuning_of
from analysis.evidence.tuning_words import value_text
from analysis.tables.tuning import captions
from analysis.text.table import EMPTY, Cell, Row, Table

AT_DEFAULT = " †"
"""Follows the number of a trial at the arm's default."""


def trials_table(evidence: Evidence) -> Table | None:
    """Return one row per trial of every arm; None for a study that is not tuned, and before its first trial."""
    tuning = tuning_of(evidence)
    if tuning is None or not any(one.trials for one in tuning.arms):
        return None
    seeds = [f"seed {seed}" for seed in tuning.seeds]
    return Table(
        "tuning_trials",
        (
            "Scores (%) of every trial of the tuning. These are pilot runs, on which points were chosen: the highest "
            "score of an arm is biased upward, and none is a result.",
        ),
        ("arm", "trial", "state", *tuning.keys, *seeds, "mean"),
        tuple(_row(evidence, tuning, one, trial) for one in tuning.arms for trial in one.trials),
        title="Trials of the tuning",
        notes=tuple(_notes(tuning)),
        meanings={
            "mean": "Over the pilot seeds; of trials that are complete.",
            **{key: captions.tried(tuning, key) for key in tuning.keys},
        },
    )


def _row(evidence: Evidence, tuning: Tuning, one: TunedArm, trial: Trial) -> Row:
    default = one.at_default(trial)
    number = Cell(
        f"{trial.number}{AT_DEFAULT * default}", {"trial": trial.number, "at_default": int(default)}
    )
    return Row(
        one.arm.name,
        (
            Cell(one.arm.label, {"arm": one.arm.name, "label": one.arm.label}),
            number,
            Cell(trial.state, {"state": trial.state}),
            *(_value(trial, key) for key in tuning.keys),
            *(_score(evidence, trial, seed) for seed in tuning.seeds),
            _mean(evidence, trial),
        ),
        name=f"{one.arm.name}.pilot{trial.number}",
    )


def _value(trial: Trial, key: str) -> Cell:
    if key not in trial.point:
        return Cell(EMPTY, {key: None})
    value = trial.point[key]
    plain = isinstance(value, float | int | str) and not isinstance(value, bool)
    return Cell(value_text(value), {key: value if plain else value_text(value)})


def _score(evidence: Evidence, trial: Trial, seed: int) -> Cell:
    """Return the score of the trial's run on one pilot seed."""
    name, runs = f"seed_{seed}", evidence.whole.runs
    run = next((run for run in trial.scores if int(runs[run]["seed"]) == seed), None)
    if run is None or trial.state != COMPLETE:
        return Cell(EMPTY, {name: None})
    score = trial.scores[run]
    source = trials_trace(evidence, [_only(trial, run)], f"the score of the pilot run on seed {seed}")
    return Cell(evidence.unit.text(score), {name: evidence.unit.factor * score}, trace=source)


def _only(trial: Trial, run: int) -> Trial:
    return replace(trial, runs=(run,), scores={run: trial.scores[run]})


def _mean(evidence: Evidence, trial: Trial) -> Cell:
    if trial.state != COMPLETE or not trial.scores:
        return Cell(EMPTY, {"mean": None})
    mean = statistics.fmean(trial.scores.values())
    source = trials_trace(evidence, [trial], "the mean of the trial's pilot runs")
    return Cell(evidence.unit.text(mean), {"mean": evidence.unit.factor * mean}, trace=source)


def _notes(tuning: Tuning) -> Iterator[str]:
    if any(one.at_default(trial) for one in tuning.arms for trial in one.trials):
        yield "†: the trial is at the arm's default."
    yield "Trials that were pruned or failed, and those that are not over, have no score. Trials of the same configuration share their runs."
