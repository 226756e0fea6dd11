"""Slots: what trials run on, a CUDA device each or a processor each, and the rule by which free ones are filled again."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


class Slots:
    """Numbered slots, some free. A wide trial takes several at once."""

    def __init__(self, number: int):
        self.number = number
        self._free = set(range(number))
        self._overtaken: dict[Hashable, int] = {}

    def free(self) -> int:
        """How many are free."""
        return len(self._free)

    def next(self, waiting: Sequence[tuple[Key, int]], without: Collection[Key] = ()) -> Key | None:
        """Which of the waiting (trial, width) starts now; None where none does. Those in `without` cannot start.

        They start in order, and one that does not fit yet is overtaken by narrower ones, so that no slot idles. As many
        times as there are slots and no more: then slots are kept free for it, or it might wait for ever.
        """
        blocked: list[Key] = []
        for trial, width in waiting:
            if trial in without:
                continue
            if width <= len(self._free):
                for other in blocked:
                    self._overtaken[other] = self._overtaken.get(other, 0) + 1
                return trial
            if self._overtaken.get(trial, 0) >= self.number:
                return None
            blocked.append(trial)
        return None

    def take(self, width: int) -> tuple[int, ...]:
        """Occupy the lowest free ones."""
        taken = tuple(sorted(self._free)[:width])
        self._free -= set(taken)
        return taken

    def give_back(self, taken: Collection[int]) -> None:
        """Free what `take` returned."""
        self._free |= set(taken)
