"""From an arm of a preset to its cell: the configuration that its overrides compose to, and what is refused before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from sspo.compose.fast import quick_compose
from sspo.config import TrainConfig
from sspo.config.backends.verl import VERL
from sspo.config.compatibility import backend_of, check_backend
from sspo.config.objective_checks import why_unmatched
from sspo.errors import NotHere, UserError
from sspo.models.folder import check_positions
from sspo.runs.content_hash import content_hash
from sspo.runs.identity import cell_hash, level_of
from sweeps.plan.tuned import PilotTrial
from sweeps.plan.workload import Workload, workload
from sweeps.study.factors import Point
from sweeps.study.limits import Resources
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
    untuned_cell: str = ""
    """What stands for its cell before its point is chosen, made of the cell at its default, which its configuration then is; empty for
    an arm that is not tuned. No folder has this name."""

    @property
    def at_its_point(self) -> bool:
        """Return whether it runs at a point that tuning chose."""
        return bool(self.untuned_cell) and self.cell != self.untuned_cell

    @property
    def remote(self) -> bool:
        """Return whether its trials train as jobs on a Ray cluster of their own."""
        return backend_of(self.config) == VERL and self.config.run.ray_address is not None


Words = Mapping[str, tuple[str, ...] | None]
"""The words that set the chosen point of every tuned arm; None before the choice."""


def plan_arms(study: Study, chosen: Preset, words: Words, *, named: bool) -> tuple[PlannedArm, ...]:
    """Compose the arms of a preset. Raises NotHere at the first arm that lacks a model or questions, so that the hub is not queried
    again for every arm."""
    arms, refused = [], {}
    for name in study.arms:
        if chosen.holds(name):
            try:
                arms.append(_plan_arm(study, name, chosen, words, named=named))
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


def default_name(arm: str) -> str:
    """Return the name of an arm's runs at its default, beside those at its chosen point."""
    return f"{arm}.default"


def plan_default(study: Study, name: str, preset: Preset, *, named: bool) -> PlannedArm:
    """Compose a tuned arm at its own default, as an arm of the default family."""
    found = _plan_arm(study, name, preset, {}, named=named)
    return replace(
        found,
        name=default_name(name),
        label=f"{found.label}, default",
        against=None if found.against is None else default_name(found.against),
        recorded=(),
        factors={},
    )


def plan_pilot(
    study: Study, name: str, preset: Preset, trial: PilotTrial, seeds: Sequence[int]
) -> PlannedArm:
    """Return the runs of a trial of an arm, as the record states them."""
    arm = study.arms[name]
    config = quick_compose(trial.overrides)
    return PlannedArm(
        name=pilot_name(name, trial.number),
        label=f"{arm.label or name}, trial {trial.number}",
        role="arm",
        cell=trial.cell,
        seeds=tuple(seeds),
        overrides=trial.overrides,
        copy_of=None,
        rollouts=config.trainer.rollouts,
        recorded=(),
        against=None,
        target_clip_frac=None,
        factors={},
        size=workload(asdict(config)),
        level=trial.level,
        sampler=config.rollout.engine,
        config=config,
        resources=resources_of(study, name, preset),
    )


def pilot_name(arm: str, number: int) -> str:
    """Return the name of the runs of a trial of an arm."""
    return f"{arm}.pilot{number}"


def resources_of(study: Study, name: str, preset: Preset) -> Resources:
    """Return the resources of one trial of an arm."""
    return study.head.resources.overridden(preset.resources).overridden(study.arms[name].resources)


def _plan_arm(study: Study, name: str, preset: Preset, words: Words, *, named: bool) -> PlannedArm:
    arm = study.arms[name]
    original = study.arms[arm.copy_of].overrides if arm.copy_of else ()
    tuned = (arm.copy_of or name) in words
    point = words.get(arm.copy_of or name) or ()
    before = later_wins((*preset.overrides, *original, *arm.overrides))
    overrides = later_wins((*before, *point))
    config = quick_compose(overrides)
    resources = resources_of(study, name, preset)
    _check_spread(config, resources)
    cell = cell_hash(config) if named else ""
    untuned = f"tuned.{cell_hash(quick_compose(before))}" if tuned and named else ""
    if named:
        check_positions(config, download=False)
    if arm.role != "base":
        _check_measured(study, name, config)
    return PlannedArm(
        name=name,
        label=arm.label or name,
        role=arm.role,
        cell=untuned if tuned and words[arm.copy_of or name] is None else cell,
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
        untuned_cell=untuned,
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


def _check_measured(study: Study, name: str, config: TrainConfig) -> None:
    """Check that the arm measures the primary score; otherwise it would train for hours before its report found nothing to compare."""
    primary, measured = study.head.primary, config.evaluation.temperatures
    if primary.mode == "sampled" and primary.temperature not in measured:
        raise UserError(
            f"primary.temperature is {primary.temperature:g}, but evaluation.temperatures "
            f"holds only {', '.join(f'{value:g}' for value in measured) or 'nothing'}; add it there or change the primary"
        )


def later_wins(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the last override of each key."""
    return tuple({override.partition("=")[0].lstrip("+"): override for override in overrides}.values())


def refuse_twins(arms: Sequence[PlannedArm]) -> None:
    """Raise UserError for two arms that are the same run."""
    owner: dict[tuple[str, int], PlannedArm] = {}
    for arm in arms:
        cell = arm.cell or _options_hash(arm.config)
        for seed in arm.seeds:
            other = owner.setdefault((cell, seed), arm)
            met = arm.at_its_point and other.at_its_point  # tuning brought both to the same configuration
            if other.name != arm.name and not met:
                raise UserError(
                    f"arms '{other.name}' and '{arm.name}' are the same run: both compose to cell {cell} with seed {seed}; "
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
