"""Small automata over the bytes before or after an event, independent of how the text is split into pieces."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from sspo.segmentation.delimiter_table import Kind
from sspo.segmentation.events import Events

REFUSED, ACCEPTED = 0, 1
EDGE = b"\0"
"""The byte that is read where the response begins or ends, or at a special token."""
FARTHEST = 64
"""Number of bytes examined; beyond them nothing is accepted."""


class Automaton:
    """Transitions over bytes; a byte without a transition is rejected."""

    def __init__(self, *, backward: bool):
        self.backward = backward
        self.states: dict[str, int] = {"refused": REFUSED, "accepted": ACCEPTED}
        self.next_SB = torch.zeros(64, 256, dtype=torch.long)

    def on(self, states: Iterable[str], characters: Iterable[str], target: str) -> None:
        """Add transitions: from each of the states, every one of the characters leads to the target."""
        for state in states:
            for character in characters:
                spelled = character.encode()
                self._path(state, spelled[::-1] if self.backward else spelled, target)

    def _path(self, state: str, spelled: bytes, target: str) -> None:
        at = self.number(state)
        for k, byte in enumerate(spelled[:-1]):
            between = self.number(f"{state}-{spelled[: k + 1].hex()}-{target}")
            if self.next_SB[at, byte] > ACCEPTED:
                between = int(self.next_SB[at, byte])  # a character with the same first bytes
            self.next_SB[at, byte] = between
            at = between
        self.next_SB[at, spelled[-1]] = self.number(target)

    def otherwise(self, except_from: str) -> None:
        """Accept whatever no transition names, in every state but one."""
        for name, state in self.states.items():
            if state > ACCEPTED and name != except_from:
                self.next_SB[state] = self.next_SB[state].where(self.next_SB[state] > 0, ACCEPTED)

    def number(self, state: str) -> int:
        """Return the row of a state."""
        if state not in self.states and len(self.states) == len(self.next_SB):
            self.next_SB = torch.cat([self.next_SB, torch.zeros_like(self.next_SB)])
        return self.states.setdefault(state, len(self.states))


def accepted(events: Events, index_e: torch.Tensor, automaton: Automaton, start: str) -> torch.Tensor:
    """Return which events the automaton accepts, walking away from them byte by byte."""
    state_e = torch.full((len(index_e),), automaton.number(start))
    open_i = torch.arange(len(index_e))
    position_i, entry_i = events.position_E[index_e], events.entry_E[index_e]
    left_i = events.table.end_K[entry_i] if not automaton.backward else events.table.inside_K[entry_i]
    step = events.byte_before if automaton.backward else events.byte_after
    if automaton.backward:
        position_i, left_i = _begin(events, entry_i, position_i, left_i)
    for _ in range(FARTHEST):
        if len(open_i) == 0:
            break
        byte_i, position_i, left_i = step(position_i, left_i)
        state_i = automaton.next_SB[state_e[open_i], byte_i.long()]
        state_e[open_i] = state_i
        goes_on_i = state_i > ACCEPTED
        open_i, position_i, left_i = open_i[goes_on_i], position_i[goes_on_i], left_i[goes_on_i]
    return state_e == ACCEPTED


def _begin(
    events: Events, entry_i: torch.Tensor, position_i: torch.Tensor, left_i: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where the characters begin whose ends are the given events; all of them have three bytes."""
    half_i = events.table.kind_K[entry_i] == int(Kind.HALF)
    if half_i.any():
        for _ in range(3):
            _, before_i, bytes_i = events.byte_before(position_i, left_i)
            position_i, left_i = before_i.where(half_i, position_i), bytes_i.where(half_i, left_i)
    return position_i, left_i
