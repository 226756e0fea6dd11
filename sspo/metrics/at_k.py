"""Scores of several answers to one question: exact expectations over which k of n samples are looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased pass@k from `correct` of `n` samples (arXiv 2107.03374). Raises ValueError unless k <= n."""
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} from {correct} of {n} samples")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def maj_at_k(n: int, correct: int, others: Sequence[int], k: int) -> float:
    """Unbiased maj@k: the chance that the most frequent answer of k of the `n` samples is right.

    `correct` samples are right and so share one answer; `others` counts the samples of each wrong answer. The remaining
    samples gave no answer: they take a place among the k and vote for nothing. Answers with equally many votes share the
    chance; k samples without any vote are wrong. After self-consistency (arXiv 2203.11171), averaged over all
    subsets of size k. Raises ValueError unless the counts fit into n and k <= n.
    """
    silent = n - correct - sum(others)
    if min(silent, correct, *others, 0) < 0 or not 1 <= k <= n:
        raise ValueError(f"maj@{k} of {n} samples with {correct} right and others {list(others)}")
    wins = Fraction(0)
    for votes in range(1, min(correct, k) + 1):
        for (seen, ties), ways in _outvoted(others, votes, k - votes).items():
            ways *= math.comb(correct, votes) * math.comb(silent, k - votes - seen)
            wins += Fraction(ways, 1 + ties)
    return float(wins / math.comb(n, k))


def _outvoted(others: Sequence[int], votes: int, room: int) -> dict[tuple[int, int], int]:
    """Ways to draw wrong answers of which none has more than `votes`: (how many in all, how many have exactly so many)."""
    ways = {(0, 0): 1}
    for count in others:
        more: dict[tuple[int, int], int] = {}
        for (seen, ties), before in ways.items():
            for drawn in range(min(count, votes, room - seen) + 1):
                key = seen + drawn, ties + (drawn == votes)
                more[key] = more.get(key, 0) + before * math.comb(count, drawn)
        ways = more
    return ways
