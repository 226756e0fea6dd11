"""How often a trial is tried again, by how it failed. The attempts are counted in its folder, whoever made them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from sspo.errors import UserError, unknown

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
