"""The rule by which free slots are filled, in simulated time: no slot idles while a trial that fits waits."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.workers.slots import Slots

Job = tuple[float, int]
"""(seconds, slots)."""


def simulate(jobs: Sequence[Job], number: int) -> tuple[list[tuple[int, float]], float]:
    """Runs jobs by the rule: ([(job, when it started)] in order, the time when the last one ends)."""
    slots, waiting, now = Slots(number), list(range(len(jobs))), 0.0
    starts: list[tuple[int, float]] = []
    running: list[tuple[float, tuple[int, ...]]] = []
    while waiting or running:
        while (job := slots.next([(index, jobs[index][1]) for index in waiting])) is not None:
            waiting.remove(job)
            heapq.heappush(running, (now + jobs[job][0], slots.take(jobs[job][1])))
            starts.append((job, now))
        assert running, "nothing runs and nothing starts"
        now, taken = heapq.heappop(running)
        slots.give_back(taken)
    return starts, now


def greedy(seconds: Sequence[float], number: int) -> float:
    """The bound: each in turn to whoever is free first, nothing lost in between."""
    free = [0.0] * number
    for duration in seconds:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


SECONDS = st.floats(min_value=0.1, max_value=100)


@settings(deadline=None)
@given(st.lists(SECONDS, min_size=1, max_size=40), st.integers(1, 6))
def test_one_slot_trials_take_what_the_greedy_bound_takes(seconds: list[float], number: int) -> None:
    starts, end = simulate([(duration, 1) for duration in seconds], number)
    assert [job for job, _ in starts] == list(range(len(seconds)))
    assert abs(end - greedy(seconds, number)) < 1e-9 * end


@settings(deadline=None)
@given(st.lists(st.tuples(SECONDS, st.integers(1, 4)), min_size=1, max_size=40), st.integers(4, 6))
def test_wide_trials_are_overtaken_by_at_most_as_many_as_there_are_slots(
    jobs: list[Job], number: int
) -> None:
    starts, _ = simulate(jobs, number)
    order = [job for job, _ in starts]
    assert sorted(order) == list(range(len(jobs)))
    for place, job in enumerate(order):
        assert sum(later > job for later in order[:place]) <= number


def test_narrow_trials_fill_what_a_wide_one_leaves_idle() -> None:
    # two slots; 10 s narrow, then a wide one that does not fit beside it, then two narrow ones of 4 s that do
    starts, end = simulate([(10, 1), (5, 2), (4, 1), (4, 1)], 2)
    assert starts == [(0, 0.0), (2, 0.0), (3, 4.0), (1, 10.0)]
    assert end == 15  # 10 and 5; in strict order it would be 10 + 5 + 4 = 19
