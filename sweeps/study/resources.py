"""What a trial may use: processors, memory and time. No part of a cell, since none of it is to change a number."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from sspo.errors import UserError

GIGABYTE = 10**9


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Limits of one trial."""

    threads: int = 1
    """Processors that it keeps busy; on a machine without CUDA devices it takes as many slots."""
    memory_gb: float | None = None
    """Most resident memory of the trial with all that it starts, 10^9 bytes; None for no limit."""
    timeout: float | None = None
    """Seconds of one attempt; None for no limit."""

    def overridden(self, own: ResourceOverrides) -> Resources:
        """These with what an arm says itself."""
        said = {key: value for key, value in asdict(own).items() if value is not None}
        return Resources(**{**asdict(self), **said})

    def memory_bytes(self) -> float:
        """The limit in bytes, infinite where there is none."""
        return math.inf if self.memory_gb is None else self.memory_gb * GIGABYTE


@dataclass(frozen=True, kw_only=True)
class ResourceOverrides:
    """What an arm needs other than its study; None for the same."""

    threads: int | None = None
    memory_gb: float | None = None
    timeout: float | None = None


def check_resources(key: str, resources: Resources | ResourceOverrides) -> None:
    """Raise UserError for the first limit that makes no sense; `key` is where the spec says it."""
    if resources.threads is not None and resources.threads < 1:
        raise UserError(f"{key}.threads must be at least 1, got {resources.threads}")
    for name in ("memory_gb", "timeout"):
        limit: float | None = getattr(resources, name)
        if limit is not None and not 0 < limit < math.inf:
            raise UserError(
                f"{key}.{name} must be a number above 0, got {limit:g}; leave it out for no limit"
            )
