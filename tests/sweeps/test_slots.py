"""The rule by which free slots are filled, in simulated time: no slot is idle while a trial that fits waits."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from sweeps.workers.slots import Need, Slots
from tests.laws import law

Job = tuple[float, int]
"""(seconds, slots)."""


def simulate(jobs: Sequence[Job], number: int) -> tuple[list[tuple[int, float]], float]:
    """Run jobs by the rule. Returns ([(job, when it started)] in order, the time when the last one ends)."""
    slots, waiting, now = Slots(number), list(range(len(jobs))), 0.0
    starts: list[tuple[int, float]] = []
    running: list[tuple[float, tuple[int, ...]]] = []
    while waiting or running:
        while (job := slots.next([(index, Need(slots=jobs[index][1])) for index in waiting])) is not None:
            waiting.remove(job)
            heapq.heappush(running, (now + jobs[job][0], slots.take(Need(slots=jobs[job][1]))))
            starts.append((job, now))
        assert running, "nothing runs and nothing starts"
        now, taken = heapq.heappop(running)
        slots.give_back(taken)
    return starts, now


def greedy(seconds: Sequence[float], number: int) -> float:
    """Return the bound: each job in turn on the first free slot, with nothing lost in between."""
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


NEED = st.builds(Need, slots=st.integers(1, 3), threads=st.integers(1, 5))


@law(
    60, 3000,
    jobs=st.lists(st.tuples(SECONDS, NEED), min_size=1, max_size=30), devices=st.integers(3, 5),
    number=st.integers(3, 8), threads=st.integers(5, 8),
)  # fmt: skip
def test_trials_of_several_devices_never_take_more_than_there_is_and_none_waits_for_ever(
    jobs: list[tuple[float, Need]], devices: int, number: int, threads: int
) -> None:
    slots, waiting, now = Slots(number, devices=devices, threads=threads), list(range(len(jobs))), 0.0
    running: list[tuple[float, int, tuple[int, ...]]] = []
    order: list[int] = []
    shared = -(-number // devices)  # trials per device if there are more slots than devices
    while waiting or running:
        while (job := slots.next([(index, jobs[index][1]) for index in waiting])) is not None:
            need = jobs[job][1]
            taken = slots.take(need)
            assert len({slot % devices for slot in taken}) == len(taken) == need.slots
            waiting.remove(job)
            order.append(job)
            heapq.heappush(running, (now + jobs[job][0], job, taken))
            used = [slot for _, _, others in running for slot in others]
            assert len(set(used)) == len(used)
            assert max(sum(slot % devices == device for slot in used) for device in range(devices)) <= shared
            assert sum(jobs[other][1].threads for _, other, _ in running) <= threads
        assert running, "nothing runs and nothing starts"
        now, _, ended = heapq.heappop(running)
        slots.give_back(ended)
    assert sorted(order) == list(range(len(jobs)))
    for place, job in enumerate(order):
        assert sum(later > job for later in order[:place]) <= number


def test_a_freed_device_is_taken_before_one_that_another_trial_uses() -> None:
    slots = Slots(4, devices=2)  # slots 0 and 2 are device 0, 1 and 3 device 1
    first, second, third = (slots.take(Need()) for _ in range(3))
    assert (first, second, third) == ((0,), (1,), (2,))
    slots.give_back(second)
    assert slots.take(Need()) == (1,)  # 3 is device 1's too; 0 and 2 are taken
    slots.give_back((1,))
    slots.give_back(first)
    assert slots.take(Need()) == (1,)  # not 0, whose device has slot 2's trial
    assert slots.take(Need(slots=2)) == (0, 3)
    assert slots.next([("wide", Need(slots=2))]) is None
