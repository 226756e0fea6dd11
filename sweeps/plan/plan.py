"""From a study and a preset to arms with their cells, and to trials in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from analysis.registration.record import FOLDER
from sspo.compose.fast import quick_compose
from sspo.config import OWN_BACKEND, TrainConfig
from sspo.config.backends.verl import VERL
from sspo.config.compatibility import backend_of, check_backend
from sspo.config.objective_checks import why_unmatched
from sspo.errors import NotHere, UserError, unknown
from sspo.models.folder import check_positions
from sspo.runs.content_hash import content_hash
from sspo.runs.identity import cell_folder, cell_hash, level_of, other_folders
from sspo.runs.runlog import DONE
from sweeps.plan.workload import Workload, workload
from sweeps.study.factors import Point
from sweeps.study.limits import Resources, Retries
from sweeps.study.spec import Preset, Study

NAMED = 5
"""Number of refused arms that a message names besides the first."""


@dataclass(frozen=True, kw_only=True)
class PlannedArm:
    """An arm with the cell that its overrides compose to and the seeds that it runs."""

    name: str
    label: str
    role: str
    cell: str
    """The cell's name; empty in a plan without names."""
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    copy_of: str | None
    rollouts: int
    """Rollouts of a whole run; 0 if the base is only evaluated."""
    recorded: tuple[int, ...]
    """The seeds whose runs record rollouts for `sweeps replay`."""
    against: str | None
    """The arm that it is tested against; None means the study's baseline."""
    target_clip_frac: float | None
    """The clip fraction that the arm is matched to, by a controller or by calibrated bounds."""
    factors: Point
    """Its level of every factor, if a design generated the arm."""
    size: Workload
    """How much work a run is."""
    level: str
    """The folder level of this code's numbers; see sspo/runs/epochs.py."""
    sampler: str
    """The engine of its rollouts."""
    config: TrainConfig = field(default_factory=TrainConfig)
    """The configuration that its overrides compose to, under the default seed."""
    resources: Resources = field(default_factory=Resources)
    """The resources of one trial."""

    @property
    def remote(self) -> bool:
        """Return whether its trials train as jobs on a Ray cluster of their own."""
        return backend_of(self.config) == VERL and self.config.run.ray_address is not None


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
    registrations: Path = FOLDER
    """The folder of registrations."""
    nameless: str = ""
    """Why its cells have no names yet: a model or questions are not on this machine. Empty if they have names."""

    def title(self) -> str:
        """Return its name in messages."""
        return f"{self.study.name} ({self.preset})"

    def trials(self) -> list[Trial]:
        """Return all trials, seed by seed with the base first, so that an interrupted sweep is balanced over arms."""
        ordered = sorted(self.arms, key=lambda arm: arm.role != "base")
        longest = max(len(arm.seeds) for arm in ordered)
        return [
            self._trial(arm, arm.seeds[index])
            for index in range(longest)
            for arm in ordered
            if index < len(arm.seeds)
        ]

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


def make_plan(study: Study, preset: str, store: Path, *, nameless: bool = False) -> Plan:
    """Compose every arm of a preset. `nameless` allows cells without names if a model or questions are not on this machine.

    Raises UserError for an invalid preset or override, for two arms that are the same run, for an arm without the primary score
    and for one that cannot be matched to the clip fraction that it declares; NotHere for a missing model or missing questions.
    """
    chosen = study.presets[study.preset_for(preset)]
    why = ""
    try:
        arms = _plan_arms(study, chosen, named=True)
    except NotHere as error:
        if not nameless:
            raise
        why, arms = str(error), _plan_arms(study, chosen, named=False)
    _refuse_twins(arms)
    _check_replayed_objective(study)
    return Plan(study=study, preset=preset, store=store, arms=arms, nameless=why)


def _plan_arms(study: Study, chosen: Preset, *, named: bool) -> tuple[PlannedArm, ...]:
    """Compose the arms of a preset. Raises NotHere at the first arm that lacks a model or questions, so that the hub is not queried
    again for every arm."""
    arms, refused = [], {}
    for name in study.arms:
        if chosen.holds(name):
            try:
                arms.append(_plan_arm(study, name, chosen, named=named))
            except NotHere as error:
                raise NotHere(f"{study.name}, {study.described(name)}: {error}") from error
            except UserError as error:
                refused[name] = error
    if refused:
        raise _refusal(study, refused)
    return tuple(arms)


def _refusal(study: Study, refused: Mapping[str, UserError]) -> UserError:
    """Return the error of the first invalid arm, with the number of further ones."""
    first, *others = refused
    text = f"{study.name}, {study.described(first)}: {refused[first]}"
    if others:
        named = ", ".join(others[:NAMED]) + (", ..." if len(others) > NAMED else "")
        text += f"; {len(others)} more {'arms' if len(others) > 1 else 'arm'} of the study {'make' if len(others) > 1 else 'makes'} no sense either: {named}"
    if any(name in study.points for name in refused):
        text += "; design.exclude leaves generated arms out"
    return UserError(text)


def _plan_arm(study: Study, name: str, preset: Preset, *, named: bool) -> PlannedArm:
    arm = study.arms[name]
    original = study.arms[arm.copy_of].overrides if arm.copy_of else ()
    overrides = _later_wins((*preset.overrides, *original, *arm.overrides))
    config = quick_compose(overrides)
    resources = study.head.resources.overridden(preset.resources).overridden(arm.resources)
    _check_spread(config, resources)
    cell = cell_hash(config) if named else ""
    if named:
        check_positions(config, download=False)
    if arm.role != "base":
        _check_measured(study, name, config)
    return PlannedArm(
        name=name,
        label=arm.label or name,
        role=arm.role,
        cell=cell,
        seeds=arm.seeds_in(preset),
        overrides=overrides,
        copy_of=arm.copy_of,
        rollouts=config.trainer.rollouts,
        recorded=_recorded_seeds(study, name, preset),
        against=arm.against,
        target_clip_frac=_target(study, name, config),
        factors=study.points.get(name, {}),
        size=workload(asdict(config)),
        level=level_of(config) if named else "",
        sampler=config.rollout.engine,
        config=config,
        resources=resources,
    )


def _check_spread(config: TrainConfig, resources: Resources) -> None:
    """Check that a verl job spreads its minibatches over the devices that the study gives it, which the trial would refuse at its start."""
    if backend_of(config) == VERL:
        run = replace(config.run, gpus=resources.per_node, nodes=resources.nodes)
        check_backend(replace(config, run=run))


def _recorded_seeds(study: Study, name: str, preset: Preset) -> tuple[int, ...]:
    replay = study.head.replay
    wanted = [arm for arm in replay.arms if preset.holds(arm)] or [study.head.baseline]
    return study.arms[name].seeds_in(preset)[: replay.seeds] if name in wanted else ()


def _target(study: Study, name: str, config: TrainConfig) -> float | None:
    """Return the clip fraction that a controller holds the arm at, else the one declared in its spec or in that of the arm it repeats."""
    declared = study.arms[study.arms[name].copy_of or name].target_clip_frac
    held, reason = config.objective.bounds.target_clip_frac, why_unmatched(config.objective)
    if declared is None or declared == held:
        return held
    if reason is not None:
        raise UserError(f"target_clip_frac is {declared:g}, but {reason}; leave it out")
    if held is not None:
        raise UserError(
            f"target_clip_frac is {declared:g}, but objective.bounds.target_clip_frac holds the "
            f"arm at {held:g}; leave the first out"
        )
    return declared


def _check_replayed_objective(study: Study) -> None:
    """Compose the objective of replays now; otherwise a replay would be refused only after its runs are trained."""
    try:
        quick_compose(study.head.replay.objective)
    except UserError as error:
        raise UserError(f"{study.name}, replay.objective: {error}") from error


def _check_measured(study: Study, name: str, config: TrainConfig) -> None:
    """Check that the arm measures the primary score; otherwise it would train for hours before its report found nothing to compare."""
    primary, measured = study.head.primary, config.evaluation.temperatures
    if primary.mode == "sampled" and primary.temperature not in measured:
        raise UserError(
            f"primary.temperature is {primary.temperature:g}, but evaluation.temperatures "
            f"holds only {', '.join(f'{value:g}' for value in measured) or 'nothing'}; add it there or change the primary"
        )


def _later_wins(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the last override of each key."""
    return tuple({override.partition("=")[0].lstrip("+"): override for override in overrides}.values())


def _refuse_twins(arms: Sequence[PlannedArm]) -> None:
    owner: dict[tuple[str, int], str] = {}
    for arm in arms:
        cell = arm.cell or _options_hash(arm.config)
        for seed in arm.seeds:
            other = owner.setdefault((cell, seed), arm.name)
            if other != arm.name:
                raise UserError(
                    f"arms '{other}' and '{arm.name}' are the same run: both compose to cell {cell} with seed {seed}; "
                    "change an override, or make one a copy_of the other with a seed_offset"
                )


def _options_hash(config: TrainConfig) -> str:
    """Return a stand-in for the name of a nameless cell: equal options are the same run."""
    fields = asdict(config)
    for label in ("seed", "run", "tracking"):
        del fields[label]
    for label in ("name", "paper"):
        del fields["objective"][label]
    return content_hash(fields)
