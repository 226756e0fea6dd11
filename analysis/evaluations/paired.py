"""Two evaluations, question by question, decoding by decoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.evaluations.named import NamedEvaluation
from analysis.evaluations.scores import GREEDY, Block, blocks
from analysis.evidence.by_question import Paired, pair

AVERAGE = "average"


@dataclass(frozen=True)
class Difference:
    """An evaluation minus the first one, on one set or on the average over the sets that both have."""

    of: NamedEvaluation
    first: NamedEvaluation
    label: str
    set: str
    paired: Paired


def differences(evaluations: Sequence[NamedEvaluation]) -> Iterator[Difference]:
    """Yield every other evaluation minus the first; nothing if the first does not count."""
    first, *others = evaluations
    for other in others if first.counts else ():
        if other.counts:
            for mine, theirs in matching(blocks(other.outcomes), blocks(first.outcomes)):
                yield from _of(other, first, mine, theirs)


def matching(mine: Sequence[Block], theirs: Sequence[Block]) -> list[tuple[Block, Block]]:
    """Pair blocks of equal decoding; if each side has one sampled block left, pair those as well, whatever their temperatures."""
    key = {(b.mode, b.temperature): b for b in theirs}
    equal = [(b, key[b.mode, b.temperature]) for b in mine if (b.mode, b.temperature) in key]
    used = [block for both in equal for block in both]
    left = [
        [b for b in side if b.mode != GREEDY and not any(b is u for u in used)] for side in (mine, theirs)
    ]
    return [*equal, (left[0][0], left[1][0])] if [len(side) for side in left] == [1, 1] else equal


def _of(other: NamedEvaluation, first: NamedEvaluation, mine: Block, theirs: Block) -> Iterator[Difference]:
    label = pair_label(mine, theirs)
    shared = shared_sets(other, first, mine, theirs)
    for name in shared:
        yield Difference(other, first, label, name, _paired(mine, theirs, [name]))
    if len(shared) > 1:
        yield Difference(other, first, label, AVERAGE, _paired(mine, theirs, shared))


def pair_label(mine: Block, theirs: Block) -> str:
    """Return the decoding of both blocks, in words."""
    return mine.label if mine.label == theirs.label else f"{mine.label} against {theirs.label}"


def shared_sets(other: NamedEvaluation, first: NamedEvaluation, mine: Block, theirs: Block) -> list[str]:
    """Return the sets that both have, without those whose equal ids stand for different questions."""
    both = [name for name in theirs.sets if name in mine.sets]
    return [name for name in both if not asked_apart(other, first, name)]


def asked_apart(one: NamedEvaluation, other: NamedEvaluation, name: str) -> bool:
    """Return whether both record the questions of a set, these differ, and ids do not distinguish them."""
    said = [of.outcomes.questions.get(name) for of in (one, other)]
    return None not in said and said[0] != said[1] and bool(ids(one, name) & ids(other, name))


def ids(one: NamedEvaluation, name: str) -> set[str]:
    """Return the questions of a set that it answered."""
    rows = one.outcomes.rows
    return set(rows.loc[rows["set"] == name, "question"])


def _paired(mine: Block, theirs: Block, sets: Sequence[str]) -> Paired:
    sides = [block.means[block.means.index.get_level_values("set").isin(sets)] for block in (mine, theirs)]
    return pair(*sides)
