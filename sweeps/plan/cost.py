"""What finished trials of any study in the store say about the time and cost of those that are still to run."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.runs.runlog import CONFIG, DONE, ENVIRONMENT
from sweeps.ledger.state import Standing, read_json
from sweeps.plan.devices import visible_devices, width
from sweeps.plan.pace import wall_seconds
from sweeps.plan.plan import Plan, Trial
from sweeps.plan.workload import Workload, workload

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Hours of processor cores, of trials that train on the CPU, and of CUDA devices, of those that train on one."""

    core_hours: float = 0.0
    device_hours: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            core_hours=self.core_hours + other.core_hours, device_hours=self.device_hours + other.device_hours
        )


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished trial: how long it took, and on what."""

    seconds: float
    threads: int
    devices: int
    """How many CUDA devices it had; 0 on the CPU."""

    @property
    def cost(self) -> Cost:
        """What it cost."""
        hours = self.seconds / HOUR
        return (
            Cost(device_hours=hours * self.devices) if self.devices else Cost(core_hours=hours * self.threads)
        )


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What the trials of a plan have cost and what the rest will take; of the rest only those that can be told."""

    spent: Cost
    left: Cost
    seconds: tuple[float, ...]
    """Of every trial that is to run and can be told."""
    widths: tuple[int, ...]
    """How many slots each of them takes: devices, or processors where there are none."""
    by_cell: int
    """Trials judged by finished ones of their own cell."""
    by_size: int
    """Trials judged by finished ones of any cell with the same amount of work."""
    unknown: tuple[str, ...]
    """Arms, once each, with trials of which nothing can be told."""
    untold: int
    """How many trials these are."""
    damaged: tuple[str, ...] = ()
    """Finished runs that say nothing of time, a sentence each."""

    @property
    def expected(self) -> Cost:
        """Spent and left together."""
        return self.spent + self.left

    def seconds_left(self, slots: int) -> float:
        """Wall seconds until what can be told is done, on so many slots."""
        return wall_seconds(self.seconds, self.widths, slots)


class Experience:
    """The finished trials of a store. Of those on other hardware than a trial would have nothing is learnt for it: `devices` is
    how many CUDA devices that is, 0 on the CPU."""

    def __init__(self, store: Path):
        self.damaged: list[str] = []
        """Of which nothing is learnt, and why, a sentence each."""
        self._store = store
        self._by_cell = {
            cell.name: found
            for cell in sorted(store.glob("cells/*"))
            if (found := list(self._finished(cell)))
        }

    def of_cell(self, cell: str, devices: int) -> list[Finished]:
        """The finished trials of a cell."""
        return _on(devices, self._by_cell.get(cell, []))

    def spent(self, trial: Trial) -> Cost:
        """What a finished trial cost; nothing is known of a damaged one, which is named already."""
        try:
            found = _read(trial.folder)
        except UserError:
            return Cost()
        return Cost() if found is None else found.cost

    def of_size(self, size: Workload, devices: int) -> list[Finished]:
        """The finished trials of all cells with that amount of work."""
        return _on(devices, self._by_size.get(size, []))

    @functools.cached_property
    def _by_size(self) -> Mapping[Workload, list[Finished]]:
        sizes: dict[Workload, list[Finished]] = {}
        for cell, found in self._by_cell.items():
            size = self._size(self._store / "cells" / cell)
            if size is not None:
                sizes.setdefault(size, []).extend(found)
        return sizes

    def _finished(self, cell: Path) -> Iterator[Finished]:
        for marker in _markers(cell):
            try:
                found = _read(marker.parent)
            except UserError as error:
                self.damaged.append(str(error))
            else:
                if found is not None:
                    yield found

    def _size(self, cell: Path) -> Workload | None:
        """The amount of work of a cell, from the configuration of the first of its finished trials that has a whole one."""
        for marker in _markers(cell):
            path = marker.parent / CONFIG
            try:
                if path.is_file():
                    return workload(read_yaml(path))
            except (UserError, AttributeError, TypeError, ValueError):  # a group that is a list, and the like
                self.damaged.append(f"{path} is damaged; delete its run folder to run its trial again")
        return None


def _on(devices: int, found: Iterable[Finished]) -> list[Finished]:
    return [trial for trial in found if trial.devices == devices]


def forecast(plan: Plan, standings: Mapping[Trial, Standing]) -> Forecast:
    """Time and cost of a plan from the finished trials of its store. Damaged ones are named and judge nothing."""
    experience, here = Experience(plan.store), visible_devices()
    sizes = {arm.name: arm.size for arm in plan.arms}
    spent, left, by_cell = Cost(), Cost(), 0
    seconds: list[float] = []
    widths: list[int] = []
    unknown: list[str] = []
    for trial, now in standings.items():
        if now.state == "done":
            spent += experience.spent(trial)
        if now.state not in ("pending", "running"):
            continue
        devices = trial.resources.devices if here else 0
        own = experience.of_cell(trial.cell, devices)
        alike = own or experience.of_size(sizes[trial.arm], devices)
        if not alike:
            unknown.append(trial.arm)
            continue
        by_cell += bool(own)
        seconds.append(statistics.median(one.seconds for one in alike))
        widths.append(width(trial.resources, here))
        left += _typical([one.cost for one in alike])
    return Forecast(
        spent=spent,
        left=left,
        seconds=tuple(seconds),
        widths=tuple(widths),
        by_cell=by_cell,
        by_size=len(seconds) - by_cell,
        unknown=tuple(dict.fromkeys(unknown)),
        untold=len(unknown),
        damaged=tuple(dict.fromkeys(experience.damaged)),
    )


def _typical(costs: Sequence[Cost]) -> Cost:
    return Cost(
        core_hours=statistics.median(cost.core_hours for cost in costs),
        device_hours=statistics.median(cost.device_hours for cost in costs),
    )


def _markers(cell: Path) -> Iterator[Path]:
    """Of finished runs, whatever code made them."""
    yield from cell.glob(f"seed*/{DONE}")
    yield from cell.glob(f"*/seed*/{DONE}")


def _read(folder: Path) -> Finished | None:
    """A finished trial; None where it did not record its time."""
    seconds = (read_json(folder / DONE) or {}).get("seconds")
    if not isinstance(seconds, int | float):
        return None
    path = folder / ENVIRONMENT
    hardware = (read_json(path) or {}).get("hardware") or {}
    try:
        threads, device = int(hardware.get("threads", 1)), str(hardware.get("device", "cpu"))
        gpus = int(hardware.get("gpus", 1))
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged: it does not say what its trial ran on") from error
    devices = gpus if device.startswith("cuda") else 0
    return Finished(seconds=float(seconds), threads=threads, devices=devices)
