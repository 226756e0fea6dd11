"""Ask, report, tell: from a suggestion by Optuna to its runs, and from finished runs back to a score.

All state of a search is in Optuna's storage or in run folders, so that a driver may die at any moment: the next one adopts
the trials that are RUNNING there, with the same point, cell and runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from analysis.statistics.intervals import t_interval
from sspo.errors import UserError
from sweeps.ledger.score import curve, primary_score, rollout_curve
from sweeps.ledger.state import Standing, standing
from sweeps.plan.plan import Trial
from sweeps.search.cells import Cell, cell_at
from sweeps.search.history import (
    FAILED,
    REASON,
    REFUSED,
    RETRY_OF,
    UNSCORED,
    Tally,
    first_of,
    tally,
    to_retry,
)
from sweeps.search.samplers import pruner_for, sampler_for
from sweeps.search.space import suggest
from sweeps.search.spec import Search
from sweeps.study.space.domain import Point
from sweeps.study.space.method import ROLLOUT

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as Asked


@dataclass(kw_only=True)
class Open:
    """A trial that Optuna has suggested and whose result is not reported yet."""

    asked: Asked
    point: Point
    cell: Cell
    runs: tuple[Trial, ...]
    reported: set[int] = field(default_factory=set)

    @property
    def number(self) -> int:
        """Return the number of the trial in Optuna."""
        return self.asked.number


class Driver:
    """One search in one storage. Not thread-safe; `trials` is the number of trials to settle."""

    def __init__(self, search: Search, preset: str, store: Path, study: Study, trials: int):
        self.search = search
        self.preset = preset
        self.store = store
        self.study = study
        self.trials = trials
        self.seeds = search.presets[preset].seeds
        self.open: dict[int, Open] = {}
        self.news: list[str] = []
        """Lines on settled trials since the last `take_news`."""
        self._begin()
        self.tally = self._counted()

    def unasked(self) -> int:
        """Return the number of trials still to start, as far as is known."""
        return max(self.trials - self.tally.begun, 0)

    def may_ask(self) -> bool:
        """Return whether a trial is left to start."""
        return self.unasked() > 0 or any(RETRY_OF in trial.user_attrs for trial in self._waiting())

    def ask(self) -> Open | None:
        """Start another trial; None if none is left to start."""
        while True:
            if not self.may_ask():
                return None
            waiting = self._waiting()
            everything = len(self.study.get_trials(deepcopy=False))
            self.study.sampler = self._sampler(waiting[0].number if waiting else everything)
            opened = self._take_up(self.study.ask())
            self.tally = self._counted()
            if opened is not None:
                return opened

    def adopt(self) -> list[Open]:
        """Adopt the trials that an earlier driver left open."""
        from optuna.trial import Trial as Asked
        from optuna.trial import TrialState

        adopted = []
        for left in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.study.sampler = self._sampler(left.number)
            opened = self._take_up(Asked(self.study, left._trial_id))  # Optuna's only handle to a trial
            if opened is not None:
                opened.reported.update(left.intermediate_values)
                adopted.append(opened)
        self.tally = self._counted()
        return adopted

    def to_prune(self) -> list[Open]:
        """Report new points of open trials' curves to Optuna. Returns the trials that the pruner would stop."""
        if self.search.head.pruner.name == "none":
            return []
        return [
            opened for opened in self.open.values() if self._report(opened, over=False, until_pruned=True)
        ]

    def prune(self, opened: Open) -> None:
        """Settle a trial as pruned; its last report is its value in Optuna."""
        from optuna.trial import TrialState

        self._describe(opened, {})
        self._tell(opened, TrialState.PRUNED, None)
        self.news.append(
            f"pruned  {self.name_of(opened.number)} after {max(opened.reported)} rollouts; {words(opened.point)}"
        )

    def conclude(self, opened: Open, ends: Mapping[int, Standing]) -> None:
        """Settle a trial whose runs, by seed, are all over."""
        from optuna.trial import TrialState

        failed = {seed: end for seed, end in ends.items() if end.outcome == "failed"}
        if failed:
            seed, end = next(iter(failed.items()))
            self._fail(opened, FAILED, f"seed {seed}: {end.reason}, {end.message}")
            return
        primary = self.search.head.primary
        scores = {run.seed: primary_score(run.folder, primary) for run in opened.runs}
        known = {seed: score for seed, score in scores.items() if score is not None}
        if len(known) < len(scores):
            lost = next(seed for seed in scores if seed not in known)
            self._fail(
                opened, UNSCORED, f"seed {lost} {ends[lost].outcome} without a score of the primary metric"
            )
            return
        self._report(opened, over=True, until_pruned=False)
        self._describe(
            opened, {**_scored(known), "outcomes": {str(s): end.outcome for s, end in ends.items()}}
        )
        value = fmean(known.values())
        best = self.tally.best
        self._tell(opened, TrialState.COMPLETE, value)
        mark = ", the best so far" if best is None or value > (best.value or 0.0) else ""
        self.news.append(f"scored  {self.name_of(opened.number)}: {value:.4f}{mark}; {words(opened.point)}")

    def name_of(self, number: int) -> str:
        """Return the name of a trial in messages."""
        return f"trial {number}"

    def take_news(self) -> Iterator[str]:
        """Yield the lines on settled trials, each once."""
        while self.news:
            yield self.news.pop(0)

    def _begin(self) -> None:
        """Queue the points of the spec and the trials to retry; calling this again queues nothing twice."""
        for point in self.search.points:
            self.study.enqueue_trial(dict(point), skip_if_exists=True)
        self.study.pruner = pruner_for(self.search.head.pruner, cell_at(self.search, self.preset, {}).config)
        self._queue_retries()

    def _waiting(self) -> list[FrozenTrial]:
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))

    def _sampler(self, number: int) -> BaseSampler:
        """Return the sampler that suggests trial `number`."""
        return sampler_for(self.search, number)

    def _costs(self, opened: Open) -> dict[str, Any]:
        """Return further user attributes of a settled trial."""
        return {}

    def _queue_retries(self) -> None:
        for lost in to_retry(self.study.get_trials(deepcopy=False), self.search.head.retries):
            self.study.enqueue_trial(lost.params, user_attrs={RETRY_OF: first_of(lost)})

    def _take_up(self, asked: Asked) -> Open | None:
        """Open a trial with its runs; None, with the trial settled as failed, if its configuration is refused."""
        point = suggest(self.search.space, asked)
        try:
            cell = cell_at(self.search, self.preset, point)
        except UserError as error:
            self._fail(asked, REFUSED, f"{words(point)}: {error}")
            return None
        opened = Open(
            asked=asked, point=point, cell=cell, runs=cell.runs(asked.number, self.seeds, self.store)
        )
        self.open[opened.number] = opened
        return opened

    def _report(self, opened: Open, *, over: bool, until_pruned: bool) -> bool:
        """Report the mean over seeds at each number of rollouts that all seeds have reached. Returns whether to prune there."""
        last = opened.cell.config.trainer.rollouts
        by_rollout = self.search.head.pruner.watch == ROLLOUT
        curves = [
            rollout_curve(run.folder) if by_rollout else curve(run.folder, over=over) for run in opened.runs
        ]
        shared = set.intersection(*(set(points) for points in curves))
        for rollouts in sorted(shared - opened.reported):
            opened.asked.report(fmean(points[rollouts] for points in curves), rollouts)
            opened.reported.add(rollouts)
            if until_pruned and rollouts < last and opened.asked.should_prune():
                return True
        return False

    def _describe(self, opened: Open, more: Mapping[str, Any]) -> None:
        for key, value in {
            "cell": opened.cell.name,
            "overrides": list(opened.cell.overrides),
            **self._costs(opened),
            **more,
        }.items():
            opened.asked.set_user_attr(key, value)

    def _fail(self, trial: Open | Asked, reason: str, message: str) -> None:
        from optuna.trial import TrialState

        asked = trial.asked if isinstance(trial, Open) else trial
        if isinstance(trial, Open):
            self._describe(trial, {})
        asked.set_user_attr(REASON, reason)
        asked.set_user_attr("message", message)
        self._tell(asked, TrialState.FAIL, None)
        self.news.append(f"FAILED  {self.name_of(asked.number)} ({reason}): {message}")
        self._queue_retries()

    def _tell(self, trial: Open | Asked, state: Any, value: float | None) -> None:
        asked = trial.asked if isinstance(trial, Open) else trial
        self.study.tell(asked, value, state=state)
        self.open.pop(asked.number, None)
        self.tally = self._counted()

    def _counted(self) -> Tally:
        return tally(self.study.get_trials(deepcopy=False), self.search.head.retries)


def ends_of(opened: Open) -> dict[int, Standing]:
    """Return the state of each run of a trial, by seed."""
    return {run.seed: standing(run.folder) for run in opened.runs}


def _scored(scores: Mapping[int, float]) -> dict[str, Any]:
    interval = t_interval(list(scores.values()))
    return {
        "seeds": {str(seed): score for seed, score in scores.items()},
        "interval95": None if interval.low is None else [interval.low, interval.high],
    }


def words(point: Point) -> str:
    """Return a point as it is printed."""
    return ", ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in point.items()
    )
