"""The record of a tuning and the study's manifest, rewritten whenever a trial starts or settles, so that reports see pilots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sweeps.plan.manifest import ordered, write_manifest
from sweeps.plan.plan import Plan, Trial, pilots_of
from sweeps.plan.tuned import ChosenPoint, TunedArm, Tuning, meaning_of, write_tuning
from sweeps.search.spec import Search
from sweeps.study.limits import with_retries
from sweeps.study.tune import described
from sweeps.tune.arm import ArmDriver
from sweeps.tune.default import default_point


class Record:
    """The record of the tuning of a plan. `drivers` may be set after creation."""

    def __init__(self, plan: Plan, searches: Mapping[str, Search], retries: str | None = None):
        """`retries` changes those of every run, as `killed=3,oom=1`."""
        self.plan = plan
        self.retries = retries
        self.searches = searches
        self.defaults = {name: default_point(search) for name, search in searches.items()}
        self.drivers: Mapping[str, ArmDriver] = {}
        self.meaning = meaning_of(plan.study, plan.preset)

    def write(self, chosen: Mapping[str, ChosenPoint] | None = None) -> list[Trial]:
        """Write record and manifest, with the points of the arms if they are chosen. Returns the runs of tuning so far, with the record
        that they are to carry. Raises UserError if they cannot be written."""
        tuning = self.tuning(chosen or {})
        plan = self.plan
        write_tuning(tuning, plan.study.name, plan.preset, plan.store)
        pilots = pilots_of(plan.study, plan.preset, tuning, plan.pilots)
        self.plan = replace(plan, tuning=tuning, pilots=pilots)
        write_manifest(self.plan)
        trials = ordered(self.plan, self.plan.pilot_trials())
        if self.retries is None:
            return trials
        return [replace(trial, retries=with_retries(trial.retries, self.retries)) for trial in trials]

    def tuning(self, chosen: Mapping[str, ChosenPoint]) -> Tuning:
        """Return how far the tuning is."""
        arms = {
            name: TunedArm(
                space=tuple(described(parameter) for parameter in self.searches[name].space),
                default=self.defaults[name],
                trials=driver.trials_so_far(),
                chosen=chosen.get(name),
            )
            for name, driver in self.drivers.items()
        }
        return Tuning(meaning=self.meaning, arms=arms)
