"""Which part of a text is its answer."""

from __future__ import annotations

import time

import pytest

from sspo.grading.answer import DEEPEST, LONGEST, TAIL, closed_boxes, find_answer, unclosed_boxes


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"a \boxed{1} b", r"\boxed{1}"),
        (r"\boxed{1}, no, \boxed{2}.", r"\boxed{2}"),
        (r"\boxed{1} and \boxed{2}", r"\boxed{1}, \boxed{2}"),
        (r"$\boxed{1}$, $\boxed{2}$, or $\boxed{3}$.", r"\boxed{1}, \boxed{2}, \boxed{3}"),
        (r"\(\boxed{1}\) and \(\boxed{2}\)", r"\boxed{1}, \boxed{2}"),
        (r"\boxed{0} so \boxed{1} and \boxed{2}", r"\boxed{1}, \boxed{2}"),
        (r"\fbox{1}", r"\boxed{1}"),
        (r"\boxed {\frac{1}{2}}", r"\boxed{\frac{1}{2}}"),
        (r"\boxed{\{1, 2\}}", r"\boxed{\{1, 2\}}"),  # escaped braces are no braces
        (r"\boxed{\boxed{1}}", r"\boxed{\boxed{1}}"),
        (r"\boxed{1} but \boxed{2", r"\boxed{1}"),  # the last one does not close
        (r"} \boxed{1}", r"\boxed{1}"),
        (r"{ \boxed{1}", r"\boxed{1}"),
        (r"$\boxed{25}$%", r"\boxed{25\%}"),
        (r"\boxed{1e-07} or \boxed{ 2.5E3 }", r"\boxed{0.0000001}, \boxed{2500}"),  # an exponent is written out
        (r"\boxed{-.5e-1}", r"\boxed{-0.05}"),
        (r"\boxed{0e9}", r"\boxed{0}"),
        (r"\boxed{2e}", r"\boxed{2e}"),  # no number
        (r"\boxed{e5}", r"\boxed{e5}"),
        (r"\boxed{1e1000}", r"\boxed{1e1000}"),  # nor one that anybody writes out
        (r"\boxed{25} percent of", r"\boxed{25\%}"),
        (r"\\boxed{1}", r"\\boxed{1}"),  # a line break and a word
        ("the answer is 5", "the answer is 5"),
        ("x" * (TAIL + 1), "x" * TAIL),
        (r"\boxed{" + "1" * LONGEST + "}", None),
        (r"\boxed{" + "(" * DEEPEST + ")" * DEEPEST + "}", None),  # the box's own brace is the one too many
        (r"\boxed{" + "(" * (DEEPEST - 1) + ")" * (DEEPEST - 1) + "}", r"\boxed{" + "(" * (DEEPEST - 1) + ")" * (DEEPEST - 1) + "}"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_answer_of_a_text(text: str, answer: str | None) -> None:
    assert find_answer(text) == answer


def test_boxes_are_counted_closed_and_not() -> None:
    assert [box.content for box in closed_boxes(r"\boxed{1} \fbox{\boxed{2}} \boxed{")] == [
        "1",
        "2",
        r"\boxed{2}",
    ]
    assert unclosed_boxes(r"\boxed{1} \boxed{") == 1
    assert unclosed_boxes("{") == 0


def test_time_grows_with_the_text_and_not_with_its_square() -> None:
    """A quadratic search takes minutes for these, a linear one tenths of a second."""
    begun = time.process_time()
    for piece in ("\\boxed{", "{", "\\boxed{1} and ", "}", "\\"):
        text = piece * (1_000_000 // len(piece))
        find_answer(text)
        closed_boxes(text[:100_000])
    assert time.process_time() - begun < 20
