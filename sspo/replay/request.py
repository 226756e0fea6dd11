"""A parsed command line of a replay: objectives x segmentation rules, and a grid of bounds for each.

    objective=sspo,grpo  segmentation=token,subsentence  clip=1e-4:1:log40  objective.bounds.alpha=0

`clip` sets both sides of the clip, `clip.low` and `clip.high` one each (both: every pair). Without an objective or a rule
the run's own is replayed; without a grid, the objective's own bounds are used.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from sspo.compose.hydra_compose import choice_values, parse_overrides
from sspo.config import ClipConfig, ObjectiveConfig, SegmentationConfig, TrainConfig
from sspo.config.build import build
from sspo.config.choices import ADAPTATIONS, PROPORTIONAL, TERMS
from sspo.config.grid import parse_grid
from sspo.config.objective_checks import why_unmatched
from sspo.config.plugins.in_use import rule_files
from sspo.config.plugins.own_file import is_file
from sspo.config.validation import validate
from sspo.errors import UserError, unknown
from sspo.objective.clip_controller import scaled
from sspo.objective.variants import VARIANTS
from sspo.replay.rules import in_use, labels
from sspo.runs.trust import TRUST, refuse_unnamed

PLAIN = re.compile(r"[\w./-]+")
QUOTE, TRAILING = re.compile(r"(\\*)'"), re.compile(r"\\+\Z")
GRIDS = ("clip", "clip.low", "clip.high")
GROUPS = ("objective", "segmentation")
LABELS = ("objective.name", "objective.paper")
EVEN = ClipConfig(low=1.0, high=1.0)
TRAINING_ONLY = ("objective.kl.", "objective.tis_cap", "objective.mis_cap")
NO_CONTROLLER = (
    "objective.bounds.target_clip_frac=null",
    f"objective.bounds.target_control={PROPORTIONAL}",
)
"""Bounds are those of the request; the scale of a run's controller is passed separately."""
FORMS = (
    "objective=",
    "segmentation=",
    "clip=",
    "clip.low=",
    "clip.high=",
    "objective.<option>=",
    "segmentation.<option>=",
    f"{TRUST}=",
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A parsed command line."""

    names: Mapping[str, tuple[str, ...]]
    """Objectives and rules by group; empty for the run's own."""
    options: tuple[str, ...]
    """Additional overrides."""
    grids: Mapping[str, tuple[float, ...]]
    words: tuple[str, ...] = ()
    """The words as given: a file that they name may run."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One objective under one rule, at K pairs of bounds."""

    objective: ObjectiveConfig
    segmentation: SegmentationConfig
    """With the options that the rule does not read at their defaults."""
    label: str
    """Label of the rule, unique in the replay."""
    low_K: tuple[float, ...]
    high_K: tuple[float, ...]
    shape: ClipConfig
    """Bounds at scale 1 if bounds are matched: equal on both sides if the grid is, else the objective's own."""


def parse_request(words: Sequence[str]) -> Request:
    """Return the request of `key=value` words. Raises UserError for a key without meaning here."""
    names: dict[str, tuple[str, ...]] = {group: () for group in GROUPS}
    grids: dict[str, tuple[float, ...]] = {}
    options = []
    for word in words:
        key, sign, value = word.partition("=")
        if not sign or not value:
            raise UserError(f"'{word}' is not of the form key=value: write one of {', '.join(FORMS)}")
        if key in grids or names.get(key):
            raise UserError(f"{key} is given twice: write its values as one list")
        if key in GRIDS:
            grids[key] = parse_grid(key, value)
        elif key in LABELS or key.startswith(("objective.bounds.target_", *TRAINING_ONLY)):
            raise UserError(
                f"{key} has no effect on a replay: it is a label of the run, or it steers bounds or adds to the loss only in training"
            )
        elif key in GROUPS:
            names[key] = tuple(dict.fromkeys(value.split(",")))
        elif key == TRUST:
            continue
        elif key.split(".")[0] in GROUPS:
            options.append(word)
        else:
            raise unknown("key", key, [form.rstrip("=") for form in FORMS])
    if "clip" in grids and len(grids) > 1:
        raise UserError("clip sets both sides: set only clip, or clip.low and clip.high")
    return Request(names=names, options=tuple(options), grids=grids, words=tuple(words))


def curves(request: Request, config: TrainConfig, clip_scale: float = 1.0) -> list[Curve]:
    """Return the curves to replay on a run with that config. Raises UserError for an invalid objective or rule.

    `clip_scale` is the scale of the run's controller: it applies to the run's own bounds.
    """
    chosen = []
    for objective_name in request.names["objective"] or (None,):
        rules = request.names["segmentation"] or (None,)
        configs = [_config(request, config, objective_name, rule) for rule in rules]
        segmentations = [in_use(replayed.segmentation) for replayed in configs]
        for replayed, segmentation in zip(configs, segmentations, strict=True):
            refuse_unnamed(_files(segmentation, replayed.objective.term), request.words)
        _refuse_twins(rules, segmentations)
        label_of = labels(segmentations)
        own = objective_name is None and not any(word.startswith("objective.") for word in request.options)
        for replayed, segmentation in zip(configs, segmentations, strict=True):
            objective = scaled(replayed.objective, clip_scale if own else 1.0)
            _check_replayable(objective)
            _check_grid(objective, request)
            low_K, high_K = _bounds(request, objective)
            chosen.append(
                Curve(
                    objective=objective,
                    segmentation=segmentation,
                    label=label_of[segmentation],
                    low_K=low_K,
                    high_K=high_K,
                    shape=EVEN if "clip" in request.grids else replayed.objective.clip,
                )
            )
    return chosen


def _files(rule: SegmentationConfig, term: str) -> dict[str, str]:
    """Return the files that a curve runs, with the options that name them."""
    files = {name: key for key, name in rule_files(rule).items()}
    return files | ({term: "objective.term"} if is_file(term) else {})


def _check_replayable(objective: ObjectiveConfig) -> None:
    """Refuse an objective whose term clips, but not at multiples of its bounds. A term that never clips is replayed as
    that.
    """
    reason = why_unmatched(objective)
    if reason is not None and TERMS[objective.term].clips:
        raise UserError(
            f"objective '{objective.name}' cannot be replayed at different bounds, because {reason}; replay a different one with "
            "objective=NAME (the result of --law does not depend on it)"
        )


def _check_grid(objective: ObjectiveConfig, request: Request) -> None:
    """Refuse grids of one side for bounds that lie between clip.low and clip.high."""
    one_sided = [key for key in ("clip.low", "clip.high") if key in request.grids]
    if one_sided and ADAPTATIONS[objective.bounds.adapt].groups:
        raise UserError(
            f"{one_sided[0]} is not a grid for objective '{objective.name}', whose bounds depend on clip.low and clip.high together: set "
            "objective.clip.low and objective.clip.high, one pair per replay"
        )


def _refuse_twins(names: Sequence[str | None], rules: Sequence[SegmentationConfig]) -> None:
    """Refuse two names for one rule: points of the same curve would be counted twice."""
    first: dict[SegmentationConfig, str | None] = {}
    for name, rule in zip(names, rules, strict=True):
        if rule in first:
            raise UserError(
                f"segmentation={first[rule]},{name} names one rule twice, with the same options: leave one out"
            )
        first[rule] = name


def common_curves(request: Request, configs: Sequence[TrainConfig]) -> list[Curve]:
    """Return the curves to replay on all of several runs. Raises UserError if they differ from run to run."""
    first, *others = [curves(request, config) for config in configs]
    if any(other != first for other in others):
        raise UserError(
            "the runs differ in objective or segmentation, and pooling them would mix those: name them, for example objective=sspo "
            "segmentation=subsentence clip=0.05, or replay the runs one by one"
        )
    return first


def matchable(curve: Curve) -> bool:
    """Return whether bounds can give the objective a chosen clip fraction."""
    return why_unmatched(curve.objective) is None


def _config(request: Request, config: TrainConfig, objective: str | None, rule: str | None) -> TrainConfig:
    """Return one validated config: the run's own options, then the named choices, then the overrides."""
    chosen = [f"{group}={name}" for group, name in zip(GROUPS, (objective, rule), strict=True) if name]
    overrides = parse_overrides([*chosen, *request.options, *NO_CONTROLLER])[len(chosen) :]
    values = asdict(config)
    own = config.objective.name
    known = not is_file(own) and own in VARIANTS  # a name may be only a label
    row = VARIANTS[objective or (own if known else "sspo")]
    values["objective"] |= asdict(row) if objective else {"name": row.name, "paper": row.paper}
    values["segmentation"] |= choice_values("segmentation", rule) if rule else {}
    for override in overrides:
        *groups, option = override.key_or_group.split(".")
        functools.reduce(operator.getitem, groups, values)[option] = override.value()
    return validate(build(TrainConfig, values))


def as_overrides(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return nested options as overrides, except names, which come from the chosen row."""
    words = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            words += as_overrides(value, f"{prefix}{key}.")
        elif f"{prefix}{key}" not in LABELS:
            words.append(f"{prefix}{key}={_word(value)}")
    return words


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return "[" + ",".join(_word(item) for item in value) + "]"
    return _quoted(value) if isinstance(value, str) and not PLAIN.fullmatch(value) else str(value)


def _quoted(text: str) -> str:
    """Return the text quoted for Hydra, in which a backslash within quotes is literal unless a quote follows."""
    escaped = QUOTE.sub(lambda found: found[1] * 2 + "\\'", text)
    return f"'{TRAILING.sub(lambda found: found[0] * 2, escaped)}'"


def _bounds(request: Request, objective: ObjectiveConfig) -> tuple[tuple[float, ...], tuple[float, ...]]:
    both = request.grids.get("clip")
    if both is not None:
        return both, both
    lows = request.grids.get("clip.low", (objective.clip.low,))
    highs = request.grids.get("clip.high", (objective.clip.high,))
    pairs = list(product(lows, highs))
    return tuple(low for low, _ in pairs), tuple(high for _, high in pairs)
