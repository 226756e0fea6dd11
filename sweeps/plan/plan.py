"""From a study and a preset to arms with their cells, and to trials in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.registration.record import FOLDER
from sspo.compose.fast import quick_compose
from sspo.config import OWN_BACKEND
from sspo.config.compatibility import backend_of
from sspo.errors import NotHere, UserError, unknown
from sspo.runs.identity import cell_folder, other_folders
from sspo.runs.runlog import DONE
from sweeps.plan.arms import PlannedArm, pilot_name, plan_arms, plan_default, plan_pilot, refuse_twins
from sweeps.plan.tuned import Tuning, read_tuning
from sweeps.study.limits import Resources, Retries
from sweeps.study.spec import Study


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training run: an arm under one seed, and the place of its folder."""

    arm: str
    seed: int
    overrides: tuple[str, ...]
    rollouts: int
    store: Path
    cell: str
    level: str = ""
    """The folder level of its numbers."""
    sampler: str = ""
    """The engine of its rollouts."""
    backend: str = OWN_BACKEND
    """The backend that trains it."""
    remote: bool = False
    """Whether it trains as a job on a Ray cluster of its own (run.ray_address)."""
    verl_python: str | None = None
    """run.verl_python, which starts its job under backend 'verl'."""
    resources: Resources = field(default_factory=Resources)
    retries: Retries = field(default_factory=Retries)
    carries: str = field(default="", compare=False, repr=False)
    """JSON of the plan's record that its run folder is to carry (sspo/runs/carried.py); empty means none."""

    @property
    def folder(self) -> Path:
        """The run folder of a trial whose cell has a name."""
        assert self.cell, "a plan without names has no run folders"
        return cell_folder(self.store, self.cell, self.seed, self.level)

    @property
    def here(self) -> Resources:
        """Return the resources that it takes where it is started."""
        return self.resources.here(remote=self.remote)

    @property
    def label(self) -> str:
        """Return its name in messages."""
        return f"{self.arm} seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The arms of a preset of a study, with the store of their runs."""

    study: Study
    preset: str
    store: Path
    arms: tuple[PlannedArm, ...]
    """The arms that the study compares."""
    defaults: tuple[PlannedArm, ...] = ()
    """Its tuned arms at their own defaults, a family of their own."""
    pilots: tuple[PlannedArm, ...] = ()
    """The runs of tuning so far, one entry per trial with a cell of its own."""
    tuning: Tuning | None = None
    """How far tuning is; None if it has not begun, and for a study without it."""
    registrations: Path = FOLDER
    """The folder of registrations."""
    nameless: str = ""
    """Why its cells have no names yet: a model or questions are not on this machine. Empty if they have names."""

    def title(self) -> str:
        """Return its name in messages."""
        return f"{self.study.name} ({self.preset})"

    def trials(self) -> list[Trial]:
        """Return all trials, seed by seed with the base first, so that an interrupted sweep is balanced over arms."""
        ordered = sorted((*self.arms, *self.defaults), key=lambda arm: arm.role != "base")
        return self._by_seed(ordered)

    def pilot_trials(self) -> list[Trial]:
        """Return the runs of tuning so far, seed by seed."""
        return self._by_seed(self.pilots)

    def all_trials(self) -> list[Trial]:
        """Return the runs of tuning and those of the study."""
        return [*self.pilot_trials(), *self.trials()]

    def _by_seed(self, arms: Sequence[PlannedArm]) -> list[Trial]:
        """Return the runs of these arms, each once: an arm may end at its own default."""
        longest = max((len(arm.seeds) for arm in arms), default=0)
        found: dict[tuple[str, int], Trial] = {}
        for index in range(longest):
            for arm in arms:
                if index < len(arm.seeds):
                    key = (arm.cell or arm.name, arm.seeds[index])
                    found.setdefault(key, self._trial(arm, arm.seeds[index]))
        return list(found.values())

    @property
    def everyone(self) -> tuple[PlannedArm, ...]:
        """Return the arms, the defaults and the pilots."""
        return (*self.arms, *self.defaults, *self.pilots)

    @property
    def untuned(self) -> bool:
        """Return whether arms wait for the points that tuning chooses."""
        return self.study.tune is not None and not (self.tuning is not None and self.tuning.settled)

    def recorded_trials(self) -> list[Trial]:
        """Return the trials whose rollouts are recorded, arm by arm."""
        return [self._trial(arm, seed) for arm in self.arms for seed in arm.recorded]

    def _trial(self, arm: PlannedArm, seed: int) -> Trial:
        recording = (f"trainer.record={self.study.head.replay.every}",) if seed in arm.recorded else ()
        return Trial(
            arm=arm.name,
            seed=seed,
            overrides=(*arm.overrides, *recording),
            rollouts=arm.rollouts,
            store=self.store,
            cell=arm.cell,
            level=self.level(arm, seed),
            sampler=arm.sampler,
            backend=backend_of(arm.config),
            remote=arm.remote,
            verl_python=arm.config.run.verl_python,
            resources=arm.resources,
            retries=self.study.head.retries,
        )

    def level(self, arm: PlannedArm, seed: int) -> str:
        """Return the folder level of a run: that of this code, or of a finished run that the study accepts from other code."""
        own = cell_folder(self.store, arm.cell, seed, arm.level)
        if self.nameless or not self.study.head.mix_code or (own / DONE).is_file():
            return arm.level
        finished = [level for level, path in other_folders(own).items() if (path / DONE).is_file()]
        return finished[-1] if finished else arm.level

    def arm(self, name: str) -> PlannedArm:
        """Return the arm of that name. Raises UserError with the nearest valid name."""
        by_name = {arm.name: arm for arm in self.arms}
        if name not in by_name:
            raise unknown(f"arm of {self.title()}", name, by_name)
        return by_name[name]


def make_plan(
    study: Study, preset: str, store: Path, *, nameless: bool = False, untuned: bool = False
) -> Plan:
    """Compose every arm of a preset. `nameless` allows cells without names if a model or questions are not on this machine; `untuned`
    allows arms whose points tuning has not chosen yet.

    Raises UserError for an invalid preset or override, for two arms that are the same run, for an arm without the primary score
    and for one that cannot be matched to the clip fraction that it declares; NotHere for a missing model or missing questions.
    """
    chosen, why = study.presets[study.preset_for(preset)], ""
    tuning = None if study.tune is None else read_tuning(study, preset, store)
    words = _chosen_words(study, preset, tuning)
    try:
        arms = plan_arms(study, chosen, words, named=True)
    except NotHere as error:
        if not nameless:
            raise
        why, arms = str(error), plan_arms(study, chosen, words, named=False)
    refuse_twins(arms)
    _check_replayed_objective(study)
    plan = Plan(
        study=study,
        preset=preset,
        store=store,
        arms=arms,
        defaults=_defaults(study, preset, words, named=not why),
        pilots=pilots_of(study, preset, tuning),
        tuning=tuning,
        nameless=why,
    )
    if plan.untuned and not untuned:
        raise UserError(
            f"{plan.title()} is not tuned yet, so its arms have no points to run at: `python -m sweeps run {study.name} --preset {preset}` "
            "(make sweep) tunes them first, and others can join with `sweeps work` once the points are chosen"
        )
    return plan


def _chosen_words(study: Study, preset: str, tuning: Tuning | None) -> dict[str, tuple[str, ...] | None]:
    """Return the words that set the chosen point of every tuned arm; None while no arm runs at its point, because arms are confirmed together."""
    settled = tuning is not None and tuning.settled
    return {
        name: chosen.overrides
        if settled and tuning is not None and (chosen := tuning.arms[name].chosen) is not None
        else None
        for name in study.tuned_arms(preset)
    }


def _defaults(study: Study, preset: str, words: Iterable[str], *, named: bool) -> tuple[PlannedArm, ...]:
    tune, chosen = study.tuning(preset), study.presets[preset]
    if tune is None or not tune.head.confirm_default:
        return ()
    return tuple(plan_default(study, name, chosen, named=named) for name in words)


def pilots_of(
    study: Study, preset: str, tuning: Tuning | None, planned: Iterable[PlannedArm] = ()
) -> tuple[PlannedArm, ...]:
    """Return the runs of every trial that was started, each cell of an arm once. Those in `planned` are not composed again."""
    tune, chosen = study.tuning(preset), study.presets[preset]
    if tune is None or tuning is None:
        return ()
    before = {(arm.name, arm.cell): arm for arm in planned}
    found: dict[tuple[str, str], PlannedArm] = {}
    for name, arm in tuning.arms.items():
        for trial in arm.trials:
            if trial.cell and (name, trial.cell) not in found:
                there = before.get((pilot_name(name, trial.number), trial.cell))
                found[name, trial.cell] = there or plan_pilot(study, name, chosen, trial, tune.head.seeds)
    return tuple(found.values())


def _check_replayed_objective(study: Study) -> None:
    """Compose the objective of replays now; otherwise a replay would be refused only after its runs are trained."""
    try:
        quick_compose(study.head.replay.objective)
    except UserError as error:
        raise UserError(f"{study.name}, replay.objective: {error}") from error
