"""Limits of a trial: processors, CUDA devices, memory and time, and how often it is tried again, by how it failed.

They are no part of a cell, since none of them is to change a number. Attempts are counted in the trial's folder, whoever
made them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace

from sspo.errors import UserError, unknown
from sweeps.study.refusals import at_least

GIGABYTE = 10**9


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Limits of one trial."""

    threads: int = 1
    """Processors that it keeps busy; on a machine without CUDA devices it takes as many slots."""
    gpus: int | None = None
    """CUDA devices of its own; None for one where there are any, or for what the option `gpus` of a cluster's engine says."""
    memory_gb: float | None = None
    """Most resident memory of the trial with all that it starts, 10^9 bytes; None for no limit."""
    timeout: float | None = None
    """Seconds of one attempt; None for no limit."""

    def overridden(self, own: ResourceOverrides) -> Resources:
        """These with what an arm says itself."""
        said = {key: value for key, value in asdict(own).items() if value is not None}
        return Resources(**{**asdict(self), **said})

    @property
    def devices(self) -> int:
        """CUDA devices of a trial where there are any."""
        return 1 if self.gpus is None else self.gpus

    def overrides(self) -> tuple[str, ...]:
        """What the trainer is told of its devices; nothing of a single one, which it takes unasked."""
        return (f"run.gpus={self.devices}",) if self.devices > 1 else ()

    def memory_bytes(self) -> float:
        """The limit in bytes, infinite where there is none."""
        return math.inf if self.memory_gb is None else self.memory_gb * GIGABYTE


@dataclass(frozen=True, kw_only=True)
class ResourceOverrides:
    """What an arm needs other than its study; None for the same."""

    threads: int | None = None
    gpus: int | None = None
    memory_gb: float | None = None
    timeout: float | None = None


def check_resources(key: str, resources: Resources | ResourceOverrides) -> None:
    """Raise UserError for the first limit that makes no sense; `key` is where the spec says it."""
    for name in ("threads", "gpus"):
        number: int | None = getattr(resources, name)
        if number is not None:
            at_least(f"{key}.{name}", number, 1)
    for name in ("memory_gb", "timeout"):
        limit: float | None = getattr(resources, name)
        if limit is not None and not 0 < limit < math.inf:
            raise UserError(
                f"{key}.{name} must be a number above 0, got {limit:g}; leave it out for no limit"
            )


LOST = "lost"
"""The outcome of an attempt whose worker vanished, with its machine or killed; a failure of class killed when it is the last."""
CLASS_OF = {LOST: "killed"}


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Most attempts after the first one that ended so. One that diverged has its result and is never tried again."""

    killed: int = 2
    """A signal ended the trial: a neighbour took the memory, an operator killed it."""
    lost: int = 5
    """Its worker vanished: a reboot, a preemption."""
    oom: int = 0
    """It ran out of memory, which it mostly does again."""
    timeout: int = 0
    error: int = 0


FAILURES = tuple(field.name for field in fields(Retries))
"""Outcomes of attempts of which some may be tried again."""


def check_retries(key: str, retries: Retries) -> None:
    """Raise UserError for a number of retries below 0."""
    for name, number in asdict(retries).items():
        if number < 0:
            raise UserError(f"{key}.{name} must be a whole number of at least 0, got {number}")


def with_retries(retries: Retries, text: str) -> Retries:
    """`retries` changed by an option as `killed=3,oom=1`. Raises UserError in one sentence."""
    said: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in FAILURES:
            raise unknown("class of failure in --retries", name, FAILURES)
        if not number.isdecimal():
            raise UserError(f"--retries: {name} takes a whole number of at least 0, got '{number}'")
        said[name] = int(number)
    return replace(retries, **said)
