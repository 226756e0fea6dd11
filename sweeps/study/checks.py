"""Checks of a spec; each refuses in one sentence before anything is composed."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import asdict

from analysis.claims.files import claim_files
from sspo.compose.hydra_compose import choices
from sspo.config.grid import parse_grid
from sspo.config.plugins.table import check as check_row
from sspo.errors import UserError
from sweeps.study.labels import check_labels
from sweeps.study.limits import check_resources, check_retries
from sweeps.study.refusals import (
    at_least,
    check_one_experiment,
    check_overrides,
    check_resolvers,
    check_seeds,
    choose,
)
from sweeps.study.spec import (
    LOOK_SEEDS,
    MODES,
    PAPER_PRESET,
    PAPER_SEEDS,
    PRESETS,
    ROLES,
    TESTS,
    Arm,
    Budget,
    Gates,
    Preset,
    Primary,
    Replay,
    Study,
)

REPLAYED = re.compile(r"objective(\.(?!clip\b)[\w.]+)?=")
OF_COPY = ("trainer.backend",)
"""What a copy may set: where else it repeats its original."""
SHARES = ("base_max", "no_clip_margin", "token_clip_min", "ceiling", "floor")
SIZES = ("min_tokens", "min_segments", "min_cv")


def check(study: Study) -> None:
    """Raise UserError for the first invalid entry."""
    _check_head(study)
    for name, arm in study.arms.items():
        _check_arm(study, name, arm)
    check_labels(study)
    for name in study.presets:
        choose("preset", name, PRESETS)
    _check_looks(study)
    for name, preset in study.presets.items():
        _check_preset(study, name, preset)


def _check_head(study: Study) -> None:
    head = study.head
    choose("test", head.test, TESTS)
    for file in head.claims:
        choose("file in claims", file, [path.stem for path in claim_files()])
    if not 0 < head.smallest_effect < 1:
        raise UserError(
            f"smallest_effect is a difference of shares and must be between 0 and 1, got {head.smallest_effect:g}: write "
            "0.02 for two points"
        )
    _check_primary(head.primary)
    _check_gates(head.gates)
    choose("arm as baseline", head.baseline, study.arms)
    role = study.arms[head.baseline].role
    if role != "arm":
        raise UserError(
            f"baseline must be an arm of role arm, which others are tested against: '{head.baseline}' has role {role}"
        )
    if head.gates.token_arm is not None:
        choose("arm as gates.token_arm", head.gates.token_arm, study.arms)
    _check_replay(study, head.replay)
    check_resources("resources", head.resources)
    check_retries("retries", head.retries)


def _check_looks(study: Study) -> None:
    """Check that looks increase, have enough seeds to test, and come before the end of the largest preset, the one to register."""
    looks, strongest = study.head.looks, study.strongest_preset()
    if any(later <= earlier for earlier, later in itertools.pairwise(looks)):
        raise UserError(f"looks must be increasing numbers of seeds per arm, got {list(looks)}")
    if looks and looks[0] < LOOK_SEEDS:
        raise UserError(f"looks: a look requires at least {LOOK_SEEDS} seeds per arm, got {looks[0]}")
    if not looks:
        return
    preset = study.presets[strongest]
    fewest = min(
        len(arm.seeds_in(preset))
        for name, arm in study.arms.items()
        if preset.holds(name) and arm.role in ("arm", "no_clip")
    )
    if looks[-1] >= fewest:
        raise UserError(
            f"looks: {looks[-1]} seeds are not an interim look, because presets.{strongest} has {fewest} seeds per arm; the end is a "
            "separate test and is not listed"
        )


def _check_primary(primary: Primary) -> None:
    choose("primary.mode", primary.mode, MODES)
    temperature = primary.temperature
    if primary.mode == "greedy" and temperature != 0:
        raise UserError(
            f"primary.temperature of greedy decoding must be 0, got {temperature:g}; leave it out, or set primary.mode to sampled"
        )
    if primary.mode == "sampled" and not 0 < temperature < math.inf:
        raise UserError(
            f"primary.temperature of sampling must be a number above 0, got {temperature:g}; for 0 set primary.mode to greedy"
        )


def _check_gates(gates: Gates) -> None:
    for key in SHARES:
        value: float = getattr(gates, key)
        if not 0 <= value <= 1:
            raise UserError(f"gates.{key} is a share and must be between 0 and 1, got {value:g}")
    for key in SIZES:
        value = getattr(gates, key)
        if not 0 <= value < math.inf:
            raise UserError(f"gates.{key} must be a number of at least 0, got {value:g}")
    if gates.ceiling <= gates.floor:
        raise UserError(f"gates.ceiling={gates.ceiling:g} must be above gates.floor={gates.floor:g}")


def _check_replay(study: Study, replay: Replay) -> None:
    _check_each_once("arms", replay.arms)
    for name in replay.arms:
        choose("arm in replay.arms", name, study.arms)
        _check_recordable(name, study.arms[name])
    for key in ("seeds", "every"):
        at_least(f"replay.{key}", getattr(replay, key), 1)
    for override in replay.objective:
        check_resolvers("replay.objective", override)
        if not REPLAYED.match(override):
            raise UserError(
                f"replay.objective: '{override}' is neither objective=NAME nor objective.OPTION=VALUE; the rest of a replay "
                "comes from the recorded runs, replay.rules and replay.clip"
            )
    for key in ("rules", "targets"):
        if not getattr(replay, key):
            raise UserError(f"replay.{key} must name at least one entry")
        _check_each_once(key, getattr(replay, key))
    for rule in replay.rules:
        check_row("rule", rule, choices("segmentation"), "rule in replay.rules")
    parse_grid("replay.clip", replay.clip)
    for target in replay.targets:
        _check_target("replay.targets", target)


def _check_recordable(name: str, arm: Arm) -> None:
    if arm.role == "base":
        raise UserError(f"replay.arms: '{name}' has role base, which trains nothing to record")
    if arm.copy_of is not None:
        raise UserError(f"replay.arms: '{name}' is a copy of '{arm.copy_of}'; name that arm instead")


def _check_each_once(key: str, names: Sequence[object]) -> None:
    if len(set(names)) < len(names):
        raise UserError(f"replay.{key} must name each of its entries once, got {list(names)}")


def _check_target(key: str, target: float) -> None:
    if not 0 < target < 0.5:
        raise UserError(
            f"{key}: a clip fraction to match must be a share between 0 and 0.5, because about half of the tokens move against "
            f"their clip, got {target:g}"
        )


def _check_arm(study: Study, name: str, arm: Arm) -> None:
    choose(f"arms.{name}.role", arm.role, ROLES)
    check_overrides(f"arms.{name}.overrides", arm.overrides)
    check_resources(f"arms.{name}.resources", arm.resources)
    if arm.seeds is not None:
        check_seeds(f"arms.{name}.seeds", arm.seeds)
    at_least(f"arms.{name}.seed_offset", arm.seed_offset, 0)
    if arm.against is not None:
        _check_against(study, name, arm, arm.against)
    if arm.target_clip_frac is not None:
        _check_target(f"arms.{name}.target_clip_frac", arm.target_clip_frac)
        if arm.role == "base":
            raise UserError(f"arms.{name}.target_clip_frac: an arm of role base never clips; leave it out")
    if arm.copy_of is not None:
        _check_copy(study, name, arm, arm.copy_of)
    elif arm.role == "aa":
        raise UserError(f"arms.{name} has role aa but no copy_of; set copy_of to the arm that it repeats")


def _check_against(study: Study, name: str, arm: Arm, reference: str) -> None:
    choose(f"arm as arms.{name}.against", reference, study.arms)
    if arm.role in ("base", "aa"):
        raise UserError(f"arms.{name}.against: an arm of role {arm.role} is never tested; leave it out")
    if name in (reference, study.head.baseline):
        what = (
            "the study's baseline is not tested against any arm"
            if name != reference
            else "an arm is not tested against itself"
        )
        raise UserError(f"arms.{name}.against: {what}; leave it out")
    if study.arms[reference].role != "arm":
        raise UserError(
            f"arms.{name}.against must name an arm of role arm: '{reference}' has role {study.arms[reference].role}"
        )


def _check_copy(study: Study, name: str, arm: Arm, original: str) -> None:
    choose(f"arm as arms.{name}.copy_of", original, study.arms)
    if study.arms[original].copy_of is not None:
        raise UserError(
            f"arms.{name}.copy_of: '{original}' is itself a copy; name the arm with the overrides"
        )
    if arm.role != "aa":
        raise UserError(f"arms.{name} is a copy of '{original}' but has role {arm.role}; set its role to aa")
    own = [text for text in arm.overrides if text.partition("=")[0] not in OF_COPY]
    if own:
        raise UserError(
            f"arms.{name} is a copy of '{original}' and uses its overrides; leave out its own {own[0]}: a copy may only set "
            f"{' or '.join(OF_COPY)}, to repeat the arm there"
        )
    if arm.target_clip_frac is not None:
        raise UserError(
            f"arms.{name} is a copy of '{original}' and uses its target_clip_frac; leave out its own"
        )


def _check_preset(study: Study, name: str, preset: Preset) -> None:
    check_seeds(f"presets.{name}.seeds", preset.seeds)
    check_overrides(f"presets.{name}.overrides", preset.overrides)
    check_resources(f"presets.{name}.resources", preset.resources)
    _check_budget(f"presets.{name}.budget", preset.budget)
    for arm in preset.arms or ():
        choose(f"arm in presets.{name}.arms", arm, study.arms)
    if preset.arms is not None and (not preset.arms or len(set(preset.arms)) < len(preset.arms)):
        raise UserError(f"presets.{name}.arms must name each of its arms once, got {list(preset.arms)}")
    if not preset.holds(study.head.baseline):
        raise UserError(
            f"presets.{name}.arms must hold the baseline '{study.head.baseline}', got {list(preset.arms or ())}"
        )
    for key, arm_of_preset in study.arms.items():
        if preset.holds(key):
            _check_seeds_in(study, name, key, arm_of_preset)
            check_one_experiment(f"arms.{key}", arm_of_preset.overrides, f"presets.{name}", preset.overrides)
            if arm_of_preset.against is not None and not preset.holds(arm_of_preset.against):
                raise UserError(
                    f"presets.{name}.arms must hold '{arm_of_preset.against}', which '{key}' is tested against"
                )


def _check_budget(key: str, budget: Budget) -> None:
    for unit, hours in asdict(budget).items():
        if hours is not None and not 0 < hours < math.inf:
            raise UserError(
                f"{key}.{unit} must be a positive number of hours, got {hours:g}; leave it out for no limit"
            )


def _check_seeds_in(study: Study, preset_name: str, name: str, arm: Arm) -> None:
    """Check that a paper has enough seeds, and that a copy shares none with its original."""
    preset = study.presets[preset_name]
    seeds = arm.seeds_in(preset)
    if preset_name == PAPER_PRESET and arm.role != "base" and len(seeds) < PAPER_SEEDS:
        raise UserError(
            f"presets.{PAPER_PRESET} requires at least {PAPER_SEEDS} seeds per arm, but '{name}' has {len(seeds)}"
        )
    if arm.copy_of is None or not preset.holds(arm.copy_of):
        return
    shared = sorted(set(seeds) & set(study.arms[arm.copy_of].seeds_in(preset)))
    if shared:
        raise UserError(
            f"arms.{name} repeats '{arm.copy_of}' with different seeds, but both run seed {shared[0]} in presets.{preset_name}; "
            f"change arms.{name}.seed_offset"
        )
