"""Code in a response: fenced blocks, and spans of three or more backticks inside a paragraph, as defined by CommonMark.

A fence of backticks or tildes begins its line and closes with a line of at least as many of them and nothing else.
Unlike in CommonMark, a block that never closes is not code, so a response cannot turn its remainder into one segment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import torch

from sspo.segmentation.delimiter_table import Gap, Kind
from sspo.segmentation.events import Events
from sspo.segmentation.walks import EDGE, Automaton, accepted

FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of three or more adjacent backticks or tildes."""

    index: int
    """Its first event."""
    kind: int
    length: int
    row: int
    paragraph: int
    opens: bool
    """True if it may open a block: it begins its line, and for backticks no other backtick follows on that line."""
    closes: bool
    """True if it may close a block: it is alone on its line."""


def code_pairs(
    events: Events, line_E: torch.Tensor, paragraph_E: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (first event of each opening run, first event of its closing run) for all code, given line and paragraph
    numbers.
    """
    pairs: list[tuple[int, int]] = []
    for _, of_row in groupby(_runs(events, line_E, paragraph_E), key=attrgetter("row")):
        runs = list(of_row)
        blocks = list(_blocks(runs))
        pairs += [*blocks, *_spans(runs, blocks)]
    opener_s, closer_s = torch.tensor(pairs, dtype=torch.long).view(-1, 2).unbind(1)
    return opener_s, closer_s


def _runs(events: Events, line_E: torch.Tensor, paragraph_E: torch.Tensor) -> list[Run]:
    """Return every run of a batch, in order."""
    index_c = (events.is_kind(Kind.BACKTICK) | events.is_kind(Kind.TILDE)).nonzero().squeeze(1)
    begins_c = torch.ones(len(index_c), dtype=torch.bool)
    begins_c[1:] = (
        (index_c[1:] != index_c[:-1] + 1)
        | (events.gap_E[index_c[1:]] != int(Gap.NOTHING))
        | (events.kind_E[index_c[1:]] != events.kind_E[index_c[:-1]])
    )
    length_s = torch.bincount(begins_c.cumsum(0) - 1)
    long_s = length_s >= FEWEST
    first_s, length_s = index_c[begins_c][long_s], length_s[long_s]
    last_s = first_s + length_s - 1
    backtick_s = events.kind_E[first_s] == int(Kind.BACKTICK)
    begins_line_s = accepted(events, first_s, LINE_BEFORE, "run")
    columns = (
        first_s,
        events.kind_E[first_s],
        length_s,
        events.position_E[first_s] // events.width,
        paragraph_E[first_s],
        begins_line_s & ~(backtick_s & _backtick_follows(events, last_s, line_E)),
        begins_line_s & accepted(events, last_s, LINE_AFTER, "run"),
    )
    names = ("index", "kind", "length", "row", "paragraph", "opens", "closes")
    rows = zip(*[column.tolist() for column in columns], strict=True)
    return [Run(**dict(zip(names, row, strict=True))) for row in rows]


def _backtick_follows(events: Events, last_s: torch.Tensor, line_E: torch.Tensor) -> torch.Tensor:
    """Return whether a backtick follows each run on the same line."""
    index_b = events.is_kind(Kind.BACKTICK).nonzero().squeeze(1)
    if len(index_b) == 0:
        return torch.zeros_like(last_s, dtype=torch.bool)
    next_s = torch.searchsorted(index_b, last_s + 1)
    there_s = next_s < len(index_b)
    return there_s & (line_E[index_b[next_s.clamp(max=len(index_b) - 1)]] == line_E[last_s])


def _blocks(runs: Sequence[Run]) -> Iterator[tuple[int, int]]:
    """Yield the fenced blocks of one response. An opening run is skipped if no run below is long enough to close it."""
    longest: dict[int, list[int]] = {}  # by kind: the longest closing run below each run
    for kind in {run.kind for run in runs}:
        length, lengths = 0, []
        for run in reversed(runs):
            lengths.append(length)
            length = max(length, run.length if run.closes and run.kind == kind else 0)
        longest[kind] = lengths[::-1]
    opener: Run | None = None
    for n, run in enumerate(runs):
        if opener is None:
            opener = run if run.opens and longest[run.kind][n] >= run.length else None
        elif run.closes and run.kind == opener.kind and run.length >= opener.length:
            yield opener.index, run.index
            opener = None


def _spans(runs: Sequence[Run], blocks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans of backticks outside the blocks: a run and the next one of the same length in its paragraph, which a
    block ends.
    """
    openers, closers = [opener for opener, _ in blocks], [closer for _, closer in blocks]
    free = []
    for run in runs:
        begun, ended = bisect_right(openers, run.index), bisect_left(closers, run.index)
        if (
            run.kind == int(Kind.BACKTICK) and begun == ended
        ):  # as many blocks began as ended: outside all blocks
            free.append((run.index, (run.paragraph, ended, run.length)))
    partner: dict[int, int] = {}
    seen: dict[tuple[int, int, int], int] = {}
    for index, place in reversed(free):
        if place in seen:
            partner[index] = seen[place]
        seen[place] = index
    end = -1
    for index, _ in free:
        if index > end and index in partner:
            end = partner[index]
            yield index, end


def _blanks(*, backward: bool) -> Automaton:
    automaton = Automaton(backward=backward)
    automaton.on(["run"], " \t\r", "run")
    automaton.on(["run"], ["\n", EDGE.decode()], "accepted")
    return automaton


LINE_BEFORE, LINE_AFTER = _blanks(backward=True), _blanks(backward=False)
