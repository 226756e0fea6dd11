"""Slots, each a CUDA device or a processor, and the rule by which free slots are filled."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Need:
    """The resources that a trial occupies while it runs."""

    slots: int = 1
    threads: int = 0
    """Counted against a separate limit if slots are devices."""


class Slots:
    """Numbered slots, some of them free. A wide trial takes several at once.

    If there are `devices`, slots are distributed over them in turn, and no trial gets two of one device. Concurrent trials have
    at most `threads` in total; None if slots are processors, which limit them already.
    """

    def __init__(self, number: int, *, devices: int = 0, threads: int | None = None):
        self.number = number
        self._devices = devices
        self._threads = threads
        self._free = set(range(number))
        self._taken: dict[tuple[int, ...], Need] = {}
        self._overtaken: dict[Hashable, int] = {}

    def free(self) -> int:
        """Return the number of free slots."""
        return len(self._free)

    def next(self, waiting: Sequence[tuple[Key, Need]], without: Collection[Key] = ()) -> Key | None:
        """Return the waiting (trial, need) to start now; None if none can. Trials in `without` cannot start.

        They start in order, and one that does not fit yet is overtaken by narrower ones, so that no slot is idle, but at most
        as many times as there are slots: after that, slots are kept free for it, because otherwise it might wait forever.
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
        """Occupy the lowest free slots, on the least used devices first."""
        taken = tuple(sorted(self._candidates()[: need.slots]))
        self._free -= set(taken)
        self._taken[taken] = need
        return taken

    def give_back(self, taken: tuple[int, ...]) -> None:
        """Release the slots that `take` returned."""
        del self._taken[taken]
        self._free |= set(taken)

    def _fits(self, need: Need) -> bool:
        threads = sum(held.threads for held in self._taken.values()) + need.threads
        enough = self._threads is None or threads <= self._threads
        return enough and need.slots <= len(self._candidates())

    def _candidates(self) -> list[int]:
        """Return the free slots that one trial may take together, in order of preference."""
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
