"""Slots: what trials run on, a CUDA device each or a processor each, and the rule by which free ones are filled again."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a trial takes while it runs."""

    slots: int = 1
    threads: int = 0
    """Counted against a bound of their own where slots are devices."""


class Slots:
    """Numbered slots, some free. A wide trial takes several at once.

    Where there are `devices`, slots are dealt out over them in turn, and no trial gets two of one device. All that runs
    together has at most `threads`; None where slots are processors, which bound them already.
    """

    def __init__(self, number: int, *, devices: int = 0, threads: int | None = None):
        self.number = number
        self._devices = devices
        self._threads = threads
        self._free = set(range(number))
        self._taken: dict[tuple[int, ...], Need] = {}
        self._overtaken: dict[Hashable, int] = {}

    def free(self) -> int:
        """How many are free."""
        return len(self._free)

    def next(self, waiting: Sequence[tuple[Key, Need]], without: Collection[Key] = ()) -> Key | None:
        """Which of the waiting (trial, need) starts now; None where none does. Those in `without` cannot start.

        They start in order, and one that does not fit yet is overtaken by narrower ones, so that no slot idles. As many
        times as there are slots and no more: then slots are kept free for it, or it might wait for ever.
        """
        blocked: list[Key] = []
        for trial, need in waiting:
            if trial in without:
                continue
            if self._fits(need):
                for other in blocked:
                    self._overtaken[other] = self._overtaken.get(other, 0) + 1
                return trial
            if self._overtaken.get(trial, 0) >= self.number:
                return None
            blocked.append(trial)
        return None

    def take(self, need: Need) -> tuple[int, ...]:
        """Occupy the lowest free ones, of the least used devices first."""
        taken = tuple(sorted(self._candidates()[: need.slots]))
        self._free -= set(taken)
        self._taken[taken] = need
        return taken

    def give_back(self, taken: tuple[int, ...]) -> None:
        """Free what `take` returned."""
        del self._taken[taken]
        self._free |= set(taken)

    def _fits(self, need: Need) -> bool:
        threads = sum(held.threads for held in self._taken.values()) + need.threads
        enough = self._threads is None or threads <= self._threads
        return enough and need.slots <= len(self._candidates())

    def _candidates(self) -> list[int]:
        """The free slots that one trial may take together, in the order in which it does."""
        if not self._devices:
            return sorted(self._free)
        used = [0] * self._devices
        for taken in self._taken:
            for slot in taken:
                used[slot % self._devices] += 1
        lowest: dict[int, int] = {}
        for slot in sorted(self._free):
            lowest.setdefault(slot % self._devices, slot)
        return sorted(lowest.values(), key=lambda slot: (used[slot % self._devices], slot))
