"""The keys and values of `--engine-option KEY=VALUE`. Every default is defined here, once."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sspo.config.build import build
from sspo.config.yaml_file import parse_yaml
from sspo.errors import UserError

EXECUTORS = ("slurm", "local")
UNLIMITED = 240
"""Time limit in minutes of a job whose trial has no limit of its own."""
PARTING = 10
"""Minutes added to a trial's limit for its job: the worker starts before the trial and records its end."""


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """No options: the pool takes everything it needs from the options of all engines."""


@dataclass(frozen=True, kw_only=True)
class RayOptions:
    """A Ray cluster and the resources of a trial that its study does not set."""

    address: str = ""
    """`host:port` of its head, or `auto` for the cluster that this machine is part of. Empty for the value of RAY_ADDRESS,
    or else for a cluster of this machine alone that ends with the sweep."""
    gpus: float | None = None
    """Devices of a trial whose study does not set them, fractions allowed; None for one if the cluster has any."""


@dataclass(frozen=True, kw_only=True)
class SlurmOptions:
    """A Slurm cluster and the resources of a trial that its study does not set."""

    executor: str = "slurm"
    """`local` runs the same jobs as processes of this machine, to test a setup."""
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gpus: int = 0
    """Devices of a trial whose study does not set them."""
    minutes: int | None = None
    """Time limit of one job; None for the limit of its trial plus PARTING, or UNLIMITED for a trial without one. A trial that
    exceeds it is requeued and continues from its checkpoint."""
    requeues: int = 10
    """Maximum number of times that a trial may exceed the limit."""
    poll: float = 5.0
    """Seconds between checks of the queue and the run folders."""


Options = LocalOptions | RayOptions | SlurmOptions
AT_LEAST = {"gpus": 0, "minutes": 1, "requeues": 0}
MORE_THAN_NONE = ("poll",)


def parse(schema: type[Options], words: Sequence[str]) -> Options:
    """Parse options from `key=value` words. Raises UserError for the first invalid one, with the nearest valid name."""
    hints = typing.get_type_hints(schema)
    values: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UserError(f"--engine-option must be KEY=VALUE, got '{word}'")
        values[key] = text if hints.get(key) in (str, str | None) else _value(word, text)
    try:
        options = build(schema, values)
        _check(options)
    except UserError as error:
        raise UserError(f"--engine-option: {error}") from error
    return options


def _value(word: str, text: str) -> Any:
    try:
        return parse_yaml(text, Path("--engine-option"))
    except UserError as error:
        raise UserError(f"--engine-option: the value of '{word}' cannot be read") from error


def _check(options: Options) -> None:
    for field in fields(options):
        key, value = field.name, getattr(options, field.name)
        if value is None:
            continue
        if key in AT_LEAST and not value >= AT_LEAST[key]:
            raise UserError(f"{key} must be at least {AT_LEAST[key]}, got {value:g}")
        if key in MORE_THAN_NONE and not value > 0:
            raise UserError(f"{key} must be more than 0, got {value:g}")
        if key == "executor" and value not in EXECUTORS:
            raise UserError(f"executor must be one of {', '.join(EXECUTORS)}, got '{value}'")
