"""A study and a preset -> arms with their cells -> trials in the order in which they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from analysis.registration.record import FOLDER
from sspo.compose.fast import quick_compose
from sspo.config import TrainConfig
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
"""Refused arms that a message names besides the first."""


@dataclass(frozen=True, kw_only=True)
class PlannedArm:
    """An arm with the cell that its overrides compose to and the seeds that it runs."""

    name: str
    label: str
    role: str
    cell: str
    """Its name; empty in a plan without names."""
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    copy_of: str | None
    rollouts: int
    """Rollouts of a whole run; 0 where the base is only evaluated."""
    recorded: tuple[int, ...]
    """The seeds whose runs record rollouts for `sweeps replay`."""
    against: str | None
    """The arm that it is tested against; None for the study's baseline."""
    target_clip_frac: float | None
    """The clip fraction that the arm is matched to, by a controller or by bounds that were calibrated."""
    factors: Point
    """Its level of every factor, where a design made the arm."""
    size: Workload
    """How much work a run is."""
    level: str
    """The folder level of this code's numbers: see sspo/runs/epochs.py."""
    sampler: str
    """The engine of its rollouts."""
    config: TrainConfig = field(default_factory=TrainConfig)
    """What its overrides compose to, under the default seed."""
    resources: Resources = field(default_factory=Resources)
    """What a trial of it may use."""


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
    resources: Resources = field(default_factory=Resources)
    retries: Retries = field(default_factory=Retries)
    carries: str = field(default="", compare=False, repr=False)
    """JSON of what its run folder is to say of the plan (sspo/runs/carried.py); nothing where it is empty."""

    @property
    def folder(self) -> Path:
        """The run folder of a trial whose cell has a name."""
        assert self.cell, "a plan without names has no run folders"
        return cell_folder(self.store, self.cell, self.seed, self.level)

    @property
    def label(self) -> str:
        """Return what messages call it."""
        return f"{self.arm} seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a preset of a study consists of."""

    study: Study
    preset: str
    store: Path
    arms: tuple[PlannedArm, ...]
    registrations: Path = FOLDER
    """Where studies are registered."""
    nameless: str = ""
    """Why its cells have no names yet: a model or questions are not on this machine. Empty where they have."""

    def title(self) -> str:
        """How messages call it."""
        return f"{self.study.name} ({self.preset})"

    def trials(self) -> list[Trial]:
        """Seed-major, the base first, so that a sweep that is cut short is balanced over arms."""
        ordered = sorted(self.arms, key=lambda arm: arm.role != "base")
        longest = max(len(arm.seeds) for arm in ordered)
        return [
            self._trial(arm, arm.seeds[index])
            for index in range(longest)
            for arm in ordered
            if index < len(arm.seeds)
        ]

    def recorded_trials(self) -> list[Trial]:
        """Those whose rollouts are recorded, arm by arm."""
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
            resources=arm.resources,
            retries=self.study.head.retries,
        )

    def level(self, arm: PlannedArm, seed: int) -> str:
        """The folder level of a run: that of this code, or of a finished run that a study takes from other code."""
        own = cell_folder(self.store, arm.cell, seed, arm.level)
        if self.nameless or not self.study.head.mix_code or (own / DONE).is_file():
            return arm.level
        finished = [level for level, path in other_folders(own).items() if (path / DONE).is_file()]
        return finished[-1] if finished else arm.level

    def arm(self, name: str) -> PlannedArm:
        """The arm of that name. Raises UserError with the nearest valid one."""
        by_name = {arm.name: arm for arm in self.arms}
        if name not in by_name:
            raise unknown(f"arm of {self.title()}", name, by_name)
        return by_name[name]


def make_plan(study: Study, preset: str, store: Path, *, nameless: bool = False) -> Plan:
    """Compose every arm of a preset. `nameless` allows a plan whose cells have no names where a model or questions are not here.

    Raises UserError for a bad preset or override, for two arms that are one, for an arm without the primary score and
    for one that cannot be matched to the clip fraction that it declares; NotHere for a model or questions that are not here.
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
    """Raises NotHere for the first arm that lacks a model or questions: the hub is not asked once an arm."""
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
    """The first of the arms that make no sense with its reason, and how many more there are."""
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
    overrides = _later_wins((*preset.overrides, *study.arms[arm.copy_of or name].overrides))
    config = quick_compose(overrides)
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
        resources=study.head.resources.overridden(arm.resources),
    )


def _recorded_seeds(study: Study, name: str, preset: Preset) -> tuple[int, ...]:
    replay = study.head.replay
    wanted = [arm for arm in replay.arms if preset.holds(arm)] or [study.head.baseline]
    return study.arms[name].seeds_in(preset)[: replay.seeds] if name in wanted else ()


def _target(study: Study, name: str, config: TrainConfig) -> float | None:
    """What a controller holds the arm at, else what its spec, or that of the arm it repeats, says it was matched to."""
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
    """Without this a replay is refused only after the runs that it wants are trained."""
    try:
        quick_compose(study.head.replay.objective)
    except UserError as error:
        raise UserError(f"{study.name}, replay.objective: {error}") from error


def _check_measured(study: Study, name: str, config: TrainConfig) -> None:
    """Without this an arm trains for hours before its report finds nothing to compare."""
    primary, measured = study.head.primary, config.evaluation.temperatures
    if primary.mode == "sampled" and primary.temperature not in measured:
        raise UserError(
            f"primary.temperature is {primary.temperature:g}, but evaluation.temperatures "
            f"holds only {', '.join(f'{value:g}' for value in measured) or 'nothing'}; add it there or change the primary"
        )


def _later_wins(overrides: Sequence[str]) -> tuple[str, ...]:
    """One override a key, the last one."""
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
    """Stands for a cell that has no name yet: equal options are one run."""
    fields = asdict(config)
    for label in ("seed", "run", "tracking"):
        del fields[label]
    for label in ("name", "paper"):
        del fields["objective"][label]
    return content_hash(fields)
