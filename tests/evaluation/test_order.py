"""Whatever an evaluation has behind it, the rest is asked once and in order."""

from __future__ import annotations

from hypothesis import strategies as st

from sspo.evaluation.order import Asked, Slice, slices, whole, whole_slices
from sspo.types import Problem
from tests.laws import law


def asked(questions: int, samples: int) -> Asked:
    problems = [Problem(id=str(i), prompt="?", answer="1") for i in range(questions)]
    return Asked(set="any", problems=problems, temperature=1.0, samples=samples)


def covered(one: Asked, part: Slice) -> list[int]:
    """Places of a slice's answers in the order of all."""
    return [q * one.samples + s for q in range(part.first, part.last) for s in range(part.begin, part.end)]


@law(
    80,
    800,
    questions=st.integers(1, 9),
    samples=st.integers(1, 9),
    batch=st.integers(1, 30),
    done=st.integers(0, 81),
)
def test_the_rest_is_asked_once_and_in_order(questions: int, samples: int, batch: int, done: int) -> None:
    one = asked(questions, samples)
    done = min(done, one.size)
    parts = [covered(one, part) for part in slices(one, batch, done)]
    assert [place for part in parts for place in part] == list(range(done, one.size))
    assert all(0 < len(part) <= batch for part in parts)
    kept = whole(one, batch, done)
    assert kept <= done
    # a process that goes on asks the very slices that an undisturbed one would have asked
    undisturbed = list(whole_slices(one, batch))
    rest = list(whole_slices(one, batch, kept)) if kept < one.size else []
    assert undisturbed[len(undisturbed) - len(rest) :] == rest
    assert [p for part in rest for p in covered(one, part)] == list(range(kept, one.size))


def test_answers_are_named_question_by_question() -> None:
    assert list(asked(2, 2).answers()) == [("any", q, 1.0, s) for q in ("0", "1") for s in (0, 1)]
