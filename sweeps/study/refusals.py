"""Refusals that several parts of a spec share."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sspo.errors import UserError, shown, unknown

RESOLVER = re.compile(r"\$\{[^}]*:")
"""An interpolation that reads something other than an option, such as ${oc.env:HOME}."""
SPECIFIC = "cache_gb|prompt_tokens|parity|ray_address|verl_python|silence"
"""Options of run.* for the rollout engine, and for the jobs of backend 'verl'."""
RESERVED = re.compile(rf"[+~]*(seed\b|trainer\.record\b|run(?!\.({SPECIFIC})\b)\b)")
"""Options that the sweep itself sets: the others of run.*, and these."""


def choose(kind: str, value: str, valid: Collection[str]) -> None:
    """Raise UserError, with the nearest valid name, for a value that is not in `valid`."""
    if value not in valid:
        raise unknown(kind, value, valid)


def at_least(key: str, value: int, least: int) -> None:
    """Raise UserError for a number below `least`."""
    if value < least:
        raise UserError(f"{key} must be at least {least}, got {value}")


def check_seeds(key: str, seeds: Sequence[int]) -> None:
    """Raise UserError unless seeds are distinct whole numbers of at least 0."""
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise UserError(
            f"{key} must be one or more distinct whole numbers of at least 0, got {shown(list(seeds))}"
        )


def check_overrides(key: str, overrides: Sequence[str]) -> None:
    """Raise UserError for an override of an option that the sweep sets, or one that reads something outside the spec."""
    for override in overrides:
        check_resolvers(key, override)
        if RESERVED.match(override):
            raise UserError(
                f"{key}: '{override}' is set by the sweep; use seeds, resources, replay and the options of `sweeps run`"
            )


def check_one_experiment(arm: str, overrides: Sequence[str], preset: str, of_preset: Sequence[str]) -> None:
    """Raise UserError if an arm and its preset name different experiments: a run has only one, so the preset's would be lost."""
    own, wider = _experiments(overrides), _experiments(of_preset)
    if own and wider and own[-1] != wider[-1]:
        raise UserError(
            f"{arm} has {own[-1]} and {preset} has {wider[-1]}, but a run has only one experiment: replace one of them by its "
            "options, which are in conf/experiment"
        )


def _experiments(overrides: Sequence[str]) -> list[str]:
    plain = (override.lstrip("+") for override in overrides)
    return [override for override in plain if override.startswith("experiment=")]


def check_resolvers(key: str, text: str) -> None:
    """Raise UserError for text that makes Hydra read outside the spec: studies are often exchanged, and their runs are shared."""
    if RESOLVER.search(text):
        raise UserError(
            f"{key}: {shown(text)} would read something outside the spec; write the value itself, or name an option, such as "
            "${objective.clip.low}"
        )
