"""Memory messages of a command: one line before it starts, and one sentence if it ran out nevertheless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sspo.models.memory.estimate import Estimate
from sspo.models.memory.machine import Room
from sspo.models.memory.savings import Saving
from sspo.models.memory.shape import NoShape

NEAR = 0.8
"""Share of free memory above which an estimate is close to it."""
LEAST_PART = 0.05
"""GiB; a smaller part is not named."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The expected memory of a run, with the settings that would lower it."""

    estimate: Estimate | NoShape
    savings: Sequence[Saving] = ()
    names: Mapping[str, str] | None = None
    """Names of the settings in this command, if they differ."""
    remark: str = ""
    """What the estimate leaves out."""

    def line(self, room: Room | None, *, shared: bool = False) -> str:
        """Return one line for the start. `shared`: other trials use the same memory. The room is None if it is not of this machine."""
        if isinstance(self.estimate, NoShape):
            return f"memory: no estimate, because config.json names no {' and no '.join(self.estimate.lacks)}"
        line = f"memory: about {gib(self.estimate.bytes)} GiB at most ({self._parts()})"
        remark = self.remark and f"; {self.remark}"
        if room is None:
            return line + remark
        where = f"{gib(room.whole)} GiB here" + (", which the sweep's trials share" if shared else "")
        line = f"{line}, of {where}{remark}"
        if self.estimate.bytes <= NEAR * room.free:
            return line
        much = "more than" if self.estimate.bytes > room.free else "nearly all of"
        lower = self.lower()
        return f"{line}; that is {much} the free {gib(room.free)} GiB" + (f": {lower}" if lower else "")

    def ran_out(self) -> str:
        """Return the estimate that was exceeded and the settings to lower."""
        lower = self.lower()
        if isinstance(self.estimate, NoShape):
            return "there is no estimate, because config.json does not name the model's sizes" + (
                f"; {lower}" if lower else ""
            )
        took = f"this run needs about {gib(self.estimate.bytes)} GiB while {self.estimate.largest} ({self._parts()})"
        return f"{took}; {lower or 'no single setting lowers that by much: use a smaller model'}"

    def lower(self) -> str:
        """Return the settings that save most, in words; empty if none is known."""
        return ", ".join(
            f"{self._name(saving.key)}={_value(saving.value)} (now {_value(saving.now)}) saves about {gib(saving.bytes)} GiB"
            for saving in self.savings
        )

    def _name(self, key: str) -> str:
        return (self.names or {}).get(key, key)

    def _parts(self) -> str:
        assert isinstance(self.estimate, Estimate)
        sizes = {part: size / 2**30 for part, size in self.estimate.parts.items()}
        named = [f"{part} {gib(size * 2**30)}" for part, size in sizes.items() if size >= LEAST_PART]
        return ", ".join([*named[1:], *named[:1]])  # the programs, which no setting changes, come last


def out_of_memory(expected: Expected | None) -> str:
    """Return the sentence of a command that ran out of memory; `expected` is None if it did not reach an estimate."""
    if expected is None:
        return "out of memory before there was an estimate: other processes here leave too little for its programs"
    return f"out of memory; {expected.ran_out()}"


def gib(size: float) -> str:
    """Return a size in gibibytes: one decimal below ten, thousands with commas."""
    count = size / 2**30
    return f"{count:,.0f}" if count >= 9.95 else f"{count:.1f}"


def _value(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
