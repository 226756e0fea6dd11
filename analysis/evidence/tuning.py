"""A study's tuning: what its pilot runs tried, the fit over their scores, and the points that were chosen.

The record says what was tried and chosen; every score is read from logs. So the choice can be made again here, from the logs alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.evidence.evidence import AVERAGE, Evidence
from analysis.logs.compact import Logs
from analysis.logs.manifest import AT_DEFAULT, PILOTS, TUNING, Arm
from analysis.logs.trace import RECORD, Trace, answers, trace
from analysis.statistics.tuning.choice import Choice, choose
from analysis.statistics.tuning.space import Option, Point, coordinates, inside, space_of
from analysis.statistics.tuning.surface import Surface, fit, pooled_noise
from sspo.errors import UserError

COMPLETE, PRUNED, FAILED, OPEN = "complete", "pruned", "failed", "open"
TRIALS, CORE_HOURS, DEVICE_HOURS = "trials", "core_hours", "device_hours"
SAME = 0.01
"""Share of a range by which a point that is chosen again may differ: logs hold values in fewer digits than run folders."""

CLOSE = 1e-6
"""Share of a range by which rounding may put a value outside of it."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One tried point of an arm."""

    number: int
    state: str
    """`complete`, `pruned`, `failed` or `open`."""
    point: Point
    cell: str
    reason: str
    core_hours: float
    device_hours: float
    runs: tuple[int, ...] = ()
    """Its pilot runs that are done or diverged, as indices of the report's runs."""
    scores: Mapping[int, float] = field(default_factory=dict)
    """Run to primary score, a share in [0, 1]."""

    @property
    def settled(self) -> bool:
        """Return whether it is over."""
        return self.state != OPEN


@dataclass(frozen=True, kw_only=True)
class TunedArm:
    """An arm with its trials, the fit over them and its chosen point."""

    arm: Arm
    options: tuple[Option, ...]
    default: Point | None
    """The arm's own default; None if it lies outside the space."""
    trials: tuple[Trial, ...]
    chosen: Point | None
    """The recorded choice; None before it was made."""
    recorded_edges: tuple[str, ...] = ()
    """The options along which the record says that the fit is highest at an edge."""
    set_otherwise: tuple[str, ...] = ()
    """The options that the words of the recorded choice, with which runs are started, set to another value than its point has."""
    noise: float | None
    """Standard deviation of one run, pooled over the arms of the study."""

    @functools.cached_property
    def scored(self) -> tuple[Trial, ...]:
        """Return the complete trials with a score, one per cell: the trials that are fitted."""
        return one_per_cell(self.trials)

    @functools.cached_property
    def surface(self) -> Surface | None:
        """Return the fit; None before any trial has a score."""
        if not self.scored:
            return None
        scores = [list(trial.scores.values()) for trial in self.scored]
        return fit(self.options, [trial.point for trial in self.scored], scores, noise=self.noise)

    @functools.cached_property
    def best(self) -> Choice | None:
        """Return the choice made again from the logs; None without a fit."""
        extra = [] if self.default is None else [self.default]
        return None if self.surface is None else choose(self.options, self.surface, extra=extra)

    def at_default(self, trial: Trial) -> bool:
        """Return whether a trial is at the arm's default."""
        if (
            self.default is None
            or set(trial.point) != set(self.default)
            or not _drawable(self.options, trial.point)
        ):
            return False
        apart = np.diff(coordinates(self.options, [trial.point, self.default]), axis=0)
        return bool((np.abs(np.nan_to_num(apart)) <= CLOSE).all())

    @property
    def differs(self) -> bool:
        """Return whether the logs give another point than the recorded one."""
        if self.chosen is None or self.best is None:
            return False
        if self.set_otherwise or not inside(self.options, self.chosen):
            return True
        apart = np.diff(coordinates(self.options, [self.chosen, self.best.point]), axis=0)
        return set(self.chosen) != set(self.best.point) or bool((np.abs(np.nan_to_num(apart)) > SAME).any())

    @property
    def edges(self) -> tuple[str, ...]:
        """Return the options along which the fit is highest at an edge of the range; none before the arm has its point."""
        if self.chosen is None or self.best is None:
            return self.recorded_edges
        return self.recorded_edges if self.differs else self.best.edges

    def in_state(self, *states: str) -> int:
        """Count the trials in these states."""
        return sum(trial.state in states for trial in self.trials)

    @property
    def settled(self) -> int:
        """Count the trials that are over."""
        return sum(trial.settled for trial in self.trials)

    @property
    def runs(self) -> tuple[int, ...]:
        """Return the pilot runs that ended, each once."""
        return tuple(dict.fromkeys(run for trial in self.trials for run in trial.runs))

    def cost(self, kind: str) -> float:
        """Return the cost of all trials, `core_hours` or `device_hours`."""
        return float(sum(getattr(trial, kind) for trial in self.trials))


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The tuning of a study."""

    record: Mapping[str, Any]
    arms: tuple[TunedArm, ...]
    """In the manifest's order."""
    pilots: Evidence | None
    """The pilot runs; None before any is planned."""
    defaults: Evidence | None
    """The tuned arms at their defaults, a family of their own; None unless the study confirms defaults."""

    @property
    def settled(self) -> bool:
        """Return whether every arm's budget is spent and every arm has its point."""
        return bool(self.record["settled"])

    @property
    def seeds(self) -> tuple[int, ...]:
        """Return the pilot seeds."""
        return tuple(int(seed) for seed in self.record["seeds"])

    @property
    def budget(self) -> tuple[str, float]:
        """Return the kind of the budget of every arm, `trials`, `core_hours` or `device_hours`, and its size."""
        ((kind, size),) = self.record["budget"].items()
        return str(kind), float(size)

    @property
    def pruner(self) -> str:
        """Return the pruner's name; `none` if no trial is stopped early."""
        return str((self.record.get("pruner") or {}).get("name", "none"))

    @property
    def chosen(self) -> tuple[TunedArm, ...]:
        """Return the arms that have their point and a fit."""
        return tuple(one for one in self.arms if one.chosen is not None and one.surface is not None)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return every tuned option, in the order in which arms have them."""
        return tuple(dict.fromkeys(option.key for one in self.arms for option in one.options))

    def of(self, arm: Arm) -> TunedArm | None:
        """Return the tuning of an arm; None for one that is not tuned."""
        return next((one for one in self.arms if one.arm.name == arm.name), None)

    def default_arm(self, arm: Arm) -> Arm | None:
        """Return the arm that trains at the default of `arm` under the fresh seeds; None if there is none."""
        return None if self.defaults is None else self.defaults.study.arm(f"{arm.name}.{AT_DEFAULT}")


@functools.lru_cache(maxsize=8)
def tuning_of(evidence: Evidence) -> Tuning | None:
    """Return the tuning of a study; None for a study that is not tuned. Raises UserError if its record is damaged."""
    record = evidence.whole.manifest.get(TUNING)
    if not record:
        return None
    try:
        pilots, defaults = (_part(evidence.whole, which) for which in (PILOTS, AT_DEFAULT))
        tried = {name: _trials(name, content, pilots) for name, content in record["arms"].items()}
        fitted = [trial for trials in tried.values() for trial in one_per_cell(trials)]
        noise = pooled_noise([list(trial.scores.values()) for trial in fitted])
        arms = [arm for arm in evidence.study.arms if arm.name in tried]
        found = tuple(_tuned(arm, record["arms"][arm.name], tried[arm.name], noise) for arm in arms)
        tuning = Tuning(record=record, arms=found, pilots=pilots, defaults=defaults)
        _ = tuning.settled, tuning.seeds, tuning.budget
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"the manifest of study '{evidence.study.name}' has a tuning without a usable {error}: plan the study again to write it"
        ) from error
    return tuning


def tuning_parts(evidence: Evidence) -> tuple[Evidence, ...]:
    """Return the parts of a tuned study that are not compared: its arms at their defaults, and its pilots."""
    tuning = tuning_of(evidence)
    return () if tuning is None else tuple(of for of in (tuning.defaults, tuning.pilots) if of is not None)


def pilot_trace(evidence: Evidence, arms: Sequence[TunedArm], formula: str) -> Trace:
    """Return the trace of what was read off the pilot runs of these arms; a run's value is its primary score in points."""
    return trials_trace(evidence, [trial for one in arms for trial in one.trials], formula)


def trials_trace(evidence: Evidence, trials: Sequence[Trial], formula: str) -> Trace:
    """Return the same for some trials."""
    scores = {run: score for trial in trials for run, score in trial.scores.items()}
    runs = [run for trial in trials for run in trial.runs]
    stream = answers(evidence.study.mode, evidence.study.temperature)
    return trace(
        f"{formula}; a run's value is its score", [stream, RECORD], runs, scores, evidence.unit.factor
    )


def one_per_cell(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Return the complete trials with a score, the first of each cell: trials of one cell share their runs."""
    found: dict[str, Trial] = {}
    for trial in trials:
        if trial.state == COMPLETE and trial.scores:
            found.setdefault(trial.cell, trial)
    return tuple(found.values())


def _set_otherwise(space: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any]) -> Iterator[str]:
    """Yield the numbers of a choice that its words do not set as its point has them; what a factor scales is not known here."""
    words = dict(str(word).lstrip("+").split("=", 1) for word in chosen["overrides"])
    for entry in space:
        value = chosen["point"].get(entry["key"])
        if entry.get("scales") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if any(words.get(key) != repr(value) for key in (entry["key"], *(entry.get("also") or ()))):
            yield str(entry["key"])


def _drawable(options: Sequence[Option], point: Point) -> bool:
    """Return whether a point has no other options than these, and every value of it a coordinate in [0, 1]."""
    try:
        at = coordinates(options, [point])
    except ValueError:
        return False
    within = np.isnan(at) | ((at > -CLOSE) & (at < 1 + CLOSE))
    return set(point) <= {option.key for option in options} and bool(within.all())


def _part(whole: Logs, which: str) -> Evidence | None:
    return Evidence(whole.part(which)) if whole.manifest[TUNING].get(which) else None


def _trials(name: str, content: Mapping[str, Any], pilots: Evidence | None) -> tuple[Trial, ...]:
    of_cell = {} if pilots is None else {arm.cell: arm for arm in pilots.study.arms if _whose(arm) == name}
    found = []
    for trial in content["trials"]:
        arm = of_cell.get(str(trial["cell"]))
        runs = [] if pilots is None or arm is None else pilots.counted(arm)
        scores = {} if pilots is None else pilots.primary[AVERAGE].to_dict()
        found.append(
            Trial(
                number=int(trial["number"]),
                state=str(trial["state"]),
                point=dict(trial["point"]),
                cell=str(trial["cell"]),
                reason=str(trial.get("reason") or ""),
                core_hours=float(trial.get(CORE_HOURS) or 0.0),
                device_hours=float(trial.get(DEVICE_HOURS) or 0.0),
                runs=tuple(runs),
                scores={run: float(scores[run]) for run in runs if run in scores},
            )
        )
    return tuple(found)


def _whose(pilot: Arm) -> str:
    """Return the arm of a pilot: `grpo` of `grpo.pilot3`."""
    return pilot.name.rpartition(".pilot")[0]


def _tuned(arm: Arm, content: Mapping[str, Any], trials: tuple[Trial, ...], noise: float | None) -> TunedArm:
    chosen, options = content.get("chosen"), space_of(content["space"])
    points = [*(trial.point for trial in trials if trial.state == COMPLETE), content.get("default")]
    for point in (*points, None if chosen is None else chosen["point"]):
        if point is not None and not _drawable(options, point):
            raise ValueError(f"point of arm '{arm.name}' ({dict(point)} lies outside its space)")
    return TunedArm(
        arm=arm,
        options=options,
        default=content.get("default"),
        trials=trials,
        chosen=None if chosen is None else dict(chosen["point"]),
        recorded_edges=() if chosen is None else tuple(map(str, chosen["edges"])),
        set_otherwise=() if chosen is None else tuple(_set_otherwise(content["space"], chosen)),
        noise=noise,
    )
