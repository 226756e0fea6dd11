"""Time and cost of the trials that are still to run, estimated from finished trials of any study in the store."""

from __future__ import annotations

import functools
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.runs.runlog import CONFIG
from sweeps.ledger.state import Standing
from sweeps.plan.devices import visible_devices, width
from sweeps.plan.expected.machine import Place, here
from sweeps.plan.expected.trials import Expected, expected_of, is_predicted
from sweeps.plan.finished import Cost, Finished, markers, read_finished
from sweeps.plan.learned import Scale, is_of, scale_of
from sweeps.plan.pace import wall_seconds
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.workload import Workload, workload


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Trials of one model that the cost model estimates alike, and the correction from its finished trials."""

    model: str
    trials: int
    scale: Scale | None
    """None if no finished trial has corrected the cost model yet."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Cost of a plan's trials so far, and the estimated time and cost of the remaining trials that can be estimated."""

    spent: Cost
    left: Cost
    seconds: tuple[float, ...]
    """Seconds of each remaining trial that can be estimated."""
    widths: tuple[int, ...]
    """How many slots each of them takes: devices, or processors if there are no devices."""
    by_cell: int
    """Number of trials estimated from finished trials of their own cell."""
    by_size: int
    """Number of trials estimated from finished trials of any cell with the same amount of work."""
    unknown: tuple[str, ...]
    """Arms, once each, with trials that cannot be estimated."""
    untold: int
    """How many trials cannot be estimated."""
    judged: tuple[Judged, ...] = ()
    """Trials estimated by the cost model, one entry per model and correction."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """Correction factors of the cost model, by arm, for arms that have one."""
    damaged: tuple[str, ...] = ()
    """One sentence per finished run whose time cannot be read."""

    @property
    def expected(self) -> Cost:
        """Return the sum of the spent and the remaining cost."""
        return self.spent + self.left

    def seconds_left(self, slots: int) -> float:
        """Return the wall seconds until all trials that can be estimated are done, on this many slots."""
        return wall_seconds(self.seconds, self.widths, slots)


class Experience:
    """The finished trials of a store. An estimate uses only trials on the same hardware: `devices` is the number of CUDA
    devices, 0 on the CPU."""

    def __init__(self, store: Path):
        self.damaged: list[str] = []
        """One sentence per finished run that cannot be used, with the reason."""
        self._store = store
        self._scales: dict[tuple[str, str, int, bool], Scale | None] = {}
        self._by_cell = {
            cell.name: found
            for cell in sorted(store.glob("cells/*"))
            if (found := list(self._finished(cell)))
        }

    def of_cell(self, cell: str, devices: int, gpu: str = "") -> list[Finished]:
        """Return the finished trials of a cell."""
        return _on(devices, gpu, self._by_cell.get(cell, []))

    def spent(self, trial: Trial) -> Cost:
        """Return the cost of a finished trial; zero for a damaged one, which `damaged` already names."""
        try:
            found = read_finished(trial.folder)
        except UserError:
            return Cost()
        return Cost() if found is None else found.cost

    def of_size(self, size: Workload, devices: int, gpu: str = "") -> list[Finished]:
        """Return the finished trials of all cells with that amount of work."""
        return _on(devices, gpu, self._by_size.get(size, []))

    def scale(self, model: str, place: Place, devices: int, *, trains: bool) -> Scale | None:
        """Return the correction of the cost model from finished trials of a model at a place; None if there are none."""
        key = (model, place.name, devices, trains)
        if key not in self._scales:
            everyone = [one for found in self._by_cell.values() for one in found if one.devices == devices]
            self._scales[key] = scale_of(everyone, model, place, trains=trains)
        return self._scales[key]

    @functools.cached_property
    def _by_size(self) -> Mapping[Workload, list[Finished]]:
        sizes: dict[Workload, list[Finished]] = {}
        for cell, found in self._by_cell.items():
            size = self._size(self._store / "cells" / cell)
            if size is not None:
                sizes.setdefault(size, []).extend(found)
        return sizes

    def _finished(self, cell: Path) -> Iterator[Finished]:
        for marker in markers(cell):
            try:
                found = read_finished(marker.parent)
            except UserError as error:
                self.damaged.append(str(error))
            else:
                if found is not None:
                    yield found

    def _size(self, cell: Path) -> Workload | None:
        """Return the amount of work of a cell, from the first intact configuration among its finished trials."""
        for marker in markers(cell):
            path = marker.parent / CONFIG
            try:
                if path.is_file():
                    return workload(read_yaml(path))
            except (
                UserError,
                AttributeError,
                TypeError,
                ValueError,
            ):  # for example, a list in place of a group
                self.damaged.append(f"{path} is damaged; delete its run folder to run its trial again")
        return None


def _on(devices: int, gpu: str, found: Iterable[Finished]) -> list[Finished]:
    """Return the trials on this many devices; if `gpu` names a device, only those that ran on it."""
    return [trial for trial in found if trial.devices == devices and (not gpu or is_of(trial, gpu))]


def forecast(plan: Plan, standings: Mapping[Trial, Standing], place: Place | None = None) -> Forecast:
    """Estimate the time and cost of a plan, on this machine or on a given place: from the finished trials of its store, else from
    the cost model for the models that it covers. Damaged runs are listed and not used."""
    experience = Experience(plan.store)
    judge = _Judge(plan, experience, place)
    spent = Cost()
    for trial, now in standings.items():
        if now.state == "done":
            spent += experience.spent(trial)
        if now.state in ("pending", "running"):
            judge.add(trial)
    return judge.forecast(spent)


class _Judge:
    """Sums the time and cost of the trials that are to run."""

    def __init__(self, plan: Plan, experience: Experience, place: Place | None):
        self.plan, self.experience, self.place = plan, experience, place
        self.here = (place.name,) if place is not None else visible_devices()
        self.gpu = "" if place is None else place.name
        self.arms = {arm.name: arm for arm in plan.everyone}
        self.left, self.by_cell, self.by_size = Cost(), 0, 0
        self.seconds: list[float] = []
        self.widths: list[int] = []
        self.unknown: list[str] = []
        self.predicted: Counter[tuple[str, Scale | None]] = Counter()
        self.factors: dict[str, float] = {}
        self.expected: dict[str, Expected | None] = {}

    def add(self, trial: Trial) -> None:
        """Add a trial that is to run."""
        devices = trial.resources.devices if self.here or trial.remote else 0
        predicted = self._predicted(trial)
        own = self.experience.of_cell(trial.cell, devices, self.gpu)
        alike = own or self.experience.of_size(self.arms[trial.arm].size, devices, self.gpu)
        self.by_cell += bool(own)
        self.by_size += bool(alike) and not own
        if not alike and predicted is None:
            self.unknown.append(trial.arm)
            return
        if not alike and predicted is not None:
            model, scale, one = predicted
            self.predicted[model, scale] += 1
            alike = [one]
        self.seconds.append(statistics.median(one.seconds for one in alike))
        self.widths.append(width(trial.resources if self.place else trial.here, self.here))
        self.left += _typical([one.cost for one in alike])

    def _predicted(self, trial: Trial) -> tuple[str, Scale | None, Finished] | None:
        """Return the model, its correction, and the trial as if it had finished in the estimated time; None if there is no estimate."""
        arm = self.arms[trial.arm]
        if not is_predicted(arm.config):
            return None
        expected = self._expected(trial.arm)
        if expected is None or expected.seconds is None:
            return None
        model, devices = arm.config.model.path, trial.resources.devices if expected.place.cuda else 0
        scale = self.experience.scale(model, expected.place, devices, trains=trial.rollouts > 0)
        if scale is not None:
            self.factors[trial.arm] = scale.factor
        seconds = expected.seconds.total * self.factors.get(trial.arm, 1.0)
        return model, scale, Finished(seconds=seconds, threads=trial.resources.threads, devices=devices)

    def _expected(self, name: str) -> Expected | None:
        if name not in self.expected:
            place = self.place or here()
            self.expected[name] = expected_of(self.arms[name], place, named=not self.plan.nameless)
        return self.expected[name]

    def forecast(self, spent: Cost) -> Forecast:
        """Return the sums as a forecast."""
        return Forecast(
            spent=spent,
            left=self.left,
            seconds=tuple(self.seconds),
            widths=tuple(self.widths),
            by_cell=self.by_cell,
            by_size=self.by_size,
            unknown=tuple(dict.fromkeys(self.unknown)),
            untold=len(self.unknown),
            judged=tuple(
                Judged(model=model, trials=count, scale=scale)
                for (model, scale), count in self.predicted.items()
            ),
            factors=self.factors,
            damaged=tuple(dict.fromkeys(self.experience.damaged)),
        )


def _typical(costs: Sequence[Cost]) -> Cost:
    return Cost(
        core_hours=statistics.median(cost.core_hours for cost in costs),
        device_hours=statistics.median(cost.device_hours for cost in costs),
    )
