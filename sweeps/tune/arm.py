"""The driver of one arm: a search whose trials are counted with their retries as one, and whose budget may be in hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sspo.errors import UserError
from sspo.runs.identity import level_of
from sweeps.plan.tuned import COMPLETE, FAILED, OPEN, PRUNED, PilotTrial
from sweeps.search.cells import Cell
from sweeps.search.driver import Driver, Open
from sweeps.search.history import (
    DRAWN,
    FIXED,
    GIVEN_UP,
    REASON,
    REFUSED,
    RETRY_OF,
    Tally,
    chains,
    first_of,
    state_of,
)
from sweeps.search.history import FAILED as RUN_FAILED
from sweeps.search.samplers import sampler_for
from sweeps.search.space import suggest
from sweeps.search.spec import Search
from sweeps.study.space.domain import Point
from sweeps.study.tune import LEAST_TRIALS, TuningBudget
from sweeps.tune.spent import cost_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as Asked

POINT, CELL, LEVEL, OVERRIDES = "point", "cell", "level", "overrides"
CORE_HOURS, DEVICE_HOURS = "core_hours", "device_hours"
RECORDED = "recorded"
"""User attribute of a trial that the record has and this history had lost."""
EPSILON = 1e-9
HOPELESS = 8
"""Failed trials, beyond the scored ones, after which an arm whose budget is in hours starts no more: a trial that fails at once costs
nothing, and so would never end the tuning."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Trials of an arm that are over."""

    spent: float
    """In the unit of the budget."""
    typical: float | None
    """The median of the scored ones, else of all; None before any."""


class ArmDriver(Driver):
    """The driver of one arm. A trial has the number of its first attempt among first attempts, which a lost history does not change."""

    def __init__(
        self,
        arm: str,
        search: Search,
        preset: str,
        store: Path,
        study: Study,
        *,
        budget: TuningBudget,
        recorded: tuple[PilotTrial, ...] = (),
        retry_failed: bool = False,
    ):
        self.arm = arm
        self.budget = budget
        self._recorded = recorded
        self._retry_failed = retry_failed
        self.settled = Settled(spent=0.0, typical=None)
        """Replaced whole whenever a trial settles, for the view reads it."""
        super().__init__(search, preset, store, study, search.presets[preset].trials)

    def unasked(self) -> int:
        """Return the number of trials still to start, as far as is known."""
        if self._counts_trials():
            return super().unasked()
        typical = self.settled.typical
        if self._hopeless() or (self.tally.complete and not typical):
            return 0
        if not typical:
            return int(self.tally.open == 0)  # the first, or another after failures that cost nothing
        left = self.budget.amount - self.settled.spent - self.tally.open * typical
        missing = LEAST_TRIALS - self.tally.complete - self.tally.open if self.tally.begun < HOPELESS else 0
        return max(int(left / typical + EPSILON), missing, 0)

    def may_ask(self) -> bool:
        """Return whether a trial is left to start. Raises UserError if trials cost nothing in the unit of the budget."""
        if not self._counts_trials() and self.tally.complete and not self.settled.typical:
            raise UserError(
                f"the trials of arm '{self.arm}' take no {self.budget.unit.replace('_', ' ')}, in which tune.budget is given; give it in "
                "trials, or in the hours of what they train on"
            )
        return super().may_ask()

    def name_of(self, number: int) -> str:
        """Return the name of a trial in messages."""
        return f"{self.arm} trial {self.ordinal(number)}"

    def ordinal(self, number: int) -> int:
        """Return the number of a trial of the arm from the number of one of its attempts in Optuna."""
        for index, chain in enumerate(chains(self.study.get_trials(deepcopy=False))):
            if any(attempt.number == number for attempt in chain):
                return index
        raise KeyError(number)

    def trials_so_far(self) -> tuple[PilotTrial, ...]:
        """Return every trial that was started, and those that the record has and this history has yet to repeat, in order."""
        history = chains(self.study.get_trials(deepcopy=False))
        found = (self._trial(index, chain) for index, chain in enumerate(history))
        return tuple(trial for trial in found if trial is not None)

    def _begin(self) -> None:
        self._repeat_recorded()
        super()._begin()
        if self._retry_failed:
            self._queue_failed()

    def _repeat_recorded(self) -> None:
        """Bring back the trials of the record that this history lacks: points are queued, to find their finished runs; what was pruned or had
        failed for good stays so."""
        known = len(chains(self.study.get_trials(deepcopy=False)))
        for trial in self._recorded[known:]:
            drawn = {} if trial.point in self.search.points else {DRAWN: True}
            attributes = {
                RECORDED: True,
                **drawn,
                POINT: dict(trial.point),
                CELL: trial.cell,
                LEVEL: trial.level,
                OVERRIDES: list(trial.overrides),
                CORE_HOURS: trial.core_hours,
                DEVICE_HOURS: trial.device_hours,
            }
            if trial.state in (PRUNED, FAILED):
                self.study.add_trial(_ended(self.search, trial, attributes))
            else:
                self.study.enqueue_trial(dict(trial.point), user_attrs=attributes)

    def _queue_failed(self) -> None:
        """Queue another attempt at each trial that had failed for good, unless its point is refused."""
        for chain in chains(self.study.get_trials(deepcopy=False)):
            last = chain[-1]
            if (
                state_of(chain, self.search.head.retries) == "failed"
                and last.user_attrs.get(REASON) != REFUSED
            ):
                self.study.enqueue_trial(last.params, user_attrs={RETRY_OF: first_of(last)})

    def _sampler(self, number: int) -> BaseSampler:
        everyone = chains(self.study.get_trials(deepcopy=False))
        earlier = sum(chain[0].number < number for chain in everyone)
        return sampler_for(self.search, earlier)

    def _take_up(self, asked: Asked) -> Open | None:
        opened = super()._take_up(asked)
        if opened is not None:
            for key, value in _placed(opened.point, opened.cell).items():
                asked.set_user_attr(key, value)
        return opened

    def _costs(self, opened: Open) -> dict[str, Any]:
        attributes = opened.asked.user_attrs
        if RECORDED in attributes and (attributes[CORE_HOURS] or attributes[DEVICE_HOURS]):
            return {}  # a run that was restored does not know its hardware
        cost = cost_of(opened.runs)
        return {CORE_HOURS: cost.core_hours, DEVICE_HOURS: cost.device_hours}

    def _counted(self) -> Tally:
        if not self._counts_trials():
            self.settled = self._settled()
        return super()._counted()

    def _settled(self) -> Settled:
        over = [trial for trial in self.trials_so_far() if trial.state != OPEN]
        costs = [getattr(trial, self.budget.unit) for trial in over]
        scored = [getattr(trial, self.budget.unit) for trial in over if trial.state == COMPLETE]
        return Settled(spent=sum(costs), typical=median(scored or costs) if costs else None)

    def _counts_trials(self) -> bool:
        """Return whether the budget is in trials; an arm with nothing to tune has one, whatever it costs."""
        return self.budget.unit == "trials" or not self.search.space

    def _hopeless(self) -> bool:
        return self.tally.failed - self.tally.complete >= HOPELESS

    def _trial(self, index: int, chain: list[FrozenTrial]) -> PilotTrial | None:
        state = state_of(chain, self.search.head.retries)
        attributes: dict[str, Any] = {}
        for attempt in chain:
            attributes |= attempt.user_attrs
        if state == "waiting" and RECORDED not in attributes:
            return None
        return PilotTrial(
            number=index,
            state=OPEN if state == "waiting" else state,
            point=attributes.get(POINT) or chain[0].params,
            cell=attributes.get(CELL, ""),
            level=attributes.get(LEVEL, ""),
            overrides=tuple(attributes.get(OVERRIDES, ())),
            reason=str(attributes.get("message", "")) if state == FAILED else "",
            core_hours=attributes.get(CORE_HOURS, 0.0),
            device_hours=attributes.get(DEVICE_HOURS, 0.0),
        )


def _placed(point: Point, cell: Cell) -> Mapping[str, Any]:
    """Return where the runs of a trial are."""
    return {
        POINT: dict(point),
        CELL: cell.name,
        LEVEL: level_of(cell.config),
        OVERRIDES: list(cell.overrides),
    }


def _ended(search: Search, trial: PilotTrial, attributes: Mapping[str, Any]) -> FrozenTrial:
    """Return a trial of the record that is not tried again, as Optuna's."""
    from optuna.trial import FixedTrial, TrialState, create_trial

    asked = FixedTrial(dict(trial.point))
    suggest(search.space, asked)  # type: ignore[arg-type]  # what suggests a point that is fixed
    failed = trial.state == FAILED
    reason = {REASON: RUN_FAILED if trial.cell else REFUSED, "message": trial.reason, GIVEN_UP: True}
    return create_trial(
        state=TrialState.FAIL if failed else TrialState.PRUNED,
        params=dict(trial.point),
        distributions=asked.distributions,
        user_attrs={**attributes, **(reason if failed else {})},
        system_attrs={} if DRAWN in attributes else {FIXED: dict(trial.point)},
    )
