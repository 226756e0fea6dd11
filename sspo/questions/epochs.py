"""The order of training: each question once per epoch, in a seeded permutation; rollouts take consecutive slices."""

from __future__ import annotations

import functools

from sspo.randomness import derive, python_stream


def slice_of(questions: int, seed: int, rollout: int, count: int) -> list[int]:
    """Return which of `questions` a rollout of `count` prompts uses: a function of (seed, rollout) alone.

    Rollout r takes positions r * count to (r + 1) * count - 1 of the endless sequence of epochs, so a slice may end in
    the next epoch, and contains a question twice only if the set is smaller than a rollout or an epoch ends inside it.
    """
    places = range(rollout * count, (rollout + 1) * count)
    return [_permutation(questions, seed, place // questions)[place % questions] for place in places]


@functools.lru_cache(maxsize=8)
def _permutation(questions: int, seed: int, epoch: int) -> tuple[int, ...]:
    order = list(range(questions))
    python_stream(derive(seed, "order of questions"), "epoch", epoch).shuffle(order)
    return tuple(order)
