"""The order of training: each question once an epoch, in a seeded permutation; rollouts take consecutive slices."""

from __future__ import annotations

import functools

from sspo.randomness import derive, python_stream


def slice_of(questions: int, seed: int, rollout: int, count: int) -> list[int]:
    """Which of `questions` a rollout of `count` prompts asks: a function of (seed, rollout) alone.

    Rollout r takes places r * count to (r + 1) * count - 1 of the endless sequence of epochs, so a slice may end in the
    next epoch, and holds a question twice only where the set is smaller than a rollout or an epoch ends inside it.
    """
    places = range(rollout * count, (rollout + 1) * count)
    return [_permutation(questions, seed, place // questions)[place % questions] for place in places]


@functools.lru_cache(maxsize=8)
def _permutation(questions: int, seed: int, epoch: int) -> tuple[int, ...]:
    order = list(range(questions))
    python_stream(derive(seed, "order of questions"), "epoch", epoch).shuffle(order)
    return tuple(order)
