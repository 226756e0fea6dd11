"""Limits of a trial: processors, CUDA devices, memory and time, and its retries by class of failure.

They are not part of a cell, because none of them may change a number. Attempts are counted in the trial's folder, whichever
process made them.
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
    """CUDA devices of its own; None for one if there are any, or for the option `gpus` of a cluster's engine. Of a trial that
    takes several nodes, those on each."""
    nodes: int = 1
    """Nodes of a Ray cluster that a trial of backend 'verl' takes."""
    memory_gb: float | None = None
    """Maximum resident memory of the trial and its child processes, 10^9 bytes; None for no limit."""
    timeout: float | None = None
    """Time limit of one attempt in seconds; None for no limit."""

    def overridden(self, own: ResourceOverrides) -> Resources:
        """Apply a preset's or an arm's overrides to the study's limits."""
        changed = {key: value for key, value in asdict(own).items() if value is not None}
        return Resources(**{**asdict(self), **changed})

    @property
    def devices(self) -> int:
        """Return the number of CUDA devices of a trial on all of its nodes, if there are any."""
        return self.per_node * self.nodes

    @property
    def per_node(self) -> int:
        """Return the number of CUDA devices of a trial on each of its nodes, if there are any."""
        return 1 if self.gpus is None else self.gpus

    def overrides(self) -> tuple[str, ...]:
        """Return the trainer's overrides of its numbers of devices and nodes; none for one of each, which is the default."""
        counts = (("run.gpus", self.per_node), ("run.nodes", self.nodes))
        return tuple(f"{key}={count}" for key, count in counts if count > 1)

    def here(self, *, remote: bool) -> Resources:
        """Return what a trial takes where it is started: no device if its job runs on a cluster of its own."""
        return replace(self, gpus=0, nodes=1) if remote else self

    def memory_bytes(self) -> float:
        """Return the limit in bytes, infinite if there is none."""
        return math.inf if self.memory_gb is None else self.memory_gb * GIGABYTE


@dataclass(frozen=True, kw_only=True)
class ResourceOverrides:
    """Limits of a preset or an arm that differ from its study's; None for the study's."""

    threads: int | None = None
    gpus: int | None = None
    nodes: int | None = None
    memory_gb: float | None = None
    timeout: float | None = None


def check_resources(key: str, resources: Resources | ResourceOverrides) -> None:
    """Raise UserError for the first invalid limit; `key` is its place in the spec."""
    for name in ("threads", "gpus", "nodes"):
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
"""The outcome of an attempt whose worker vanished or was killed; the last such attempt counts as a failure of class killed."""
CLASS_OF = {LOST: "killed"}


@dataclass(frozen=True, kw_only=True)
class Retries:
    """Maximum number of retries after each class of failure. A trial that diverged has its result and is never retried."""

    killed: int = 2
    """A signal ended the trial: another process used up the memory, or a person killed it."""
    lost: int = 5
    """Its worker vanished: a reboot, a preemption."""
    oom: int = 0
    """It ran out of memory, which usually happens again."""
    timeout: int = 0
    error: int = 0


FAILURES = tuple(field.name for field in fields(Retries))
"""Outcomes of attempts that may be retried."""


def check_retries(key: str, retries: Retries) -> None:
    """Raise UserError for a number of retries below 0."""
    for name, number in asdict(retries).items():
        if number < 0:
            raise UserError(f"{key}.{name} must be a whole number of at least 0, got {number}")


def with_retries(retries: Retries, text: str) -> Retries:
    """Return `retries` changed by an option such as `killed=3,oom=1`. Raises UserError in one sentence."""
    changed: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in FAILURES:
            raise unknown("class of failure in --retries", name, FAILURES)
        if not number.isdecimal():
            raise UserError(f"--retries: {name} must be a whole number of at least 0, got '{number}'")
        changed[name] = int(number)
    return replace(retries, **changed)
