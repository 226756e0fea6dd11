"""The second grader on answers that were made to break it: a score every time, and soon."""

import random
import re
import sys
import time

import pytest

from sspo.grading.second.grader import judge

PIECES = re.findall(
    r"\S+",
    r"""\frac { } ( ) [ ] \{ \} ^ _ 9 10 99999999999 ! \sqrt \left \right | \pm \mp \text{ \begin{pmatrix} \end{pmatrix} \begin{array}{
    & \\ , = < \le \cup x n \pi \infty \sin \log_ \binom % \% ^\circ ' 0. \overline{3} e i - + * ** / \lfloor \rfloor \boxed{ $ π √ ² ١ ٣ 𝟗
    1e999 1e-999 \in _{ ~ #### : and \circ f( \dot \angle 5cm per __import__('os') ; \def\x{ \input{/etc/passwd} \mathrm{1""",
)
PIECES += ["answer is ", "\x00", "\u202e", "\n", " "]


def hostile(rng):
    """One answer: random pieces, or few pieces many times."""
    kind = rng.random()
    if kind < 0.6:
        text = "".join(rng.choices(PIECES, k=rng.randint(1, 50)))
    else:
        text = "".join(rng.choice(PIECES) * rng.randint(1, 200) for _ in range(rng.randint(1, 3)))
    return f"\\boxed{{{text}}}" if rng.random() < 0.6 else text


def test_two_thousand_hostile_answers_get_a_score():
    rng = random.Random(17)
    began = time.process_time()
    statuses = {judge(hostile(rng), [rng.choice(["5", hostile(rng)])]).status for _ in range(2_000)}
    assert statuses == {"ok", "wrong", "unparsable"}
    assert (
        time.process_time() - began < 60
    )  # measured: 1.2; a hang or an exponential parse would take minutes


@pytest.mark.parametrize(
    "inside",
    [
        "9^{9^{9^{9}}}",
        "10^{10^{10}}",
        "99999999!",
        "700!^{700!}",
        "(700!)^4",
        r"2^{2^{40}}",
        "9" * 990,
        r"\frac" * 400,
        r"\sqrt" * 400,
        "(" * 1_900,
        "{" * 900 + "}" * 900,
        "-" * 1_900,
        "x+" * 340 + "1",
        "(x+1)^{99}" * 90,
        ",".join(rf"\sqrt{{{i}}}" for i in range(2, 66)),
        r"\{" * 8 + "1,2" + r"\},\{1,2\}" * 8,
        r"1\pm 1" * 60,
        "!" * 1_900,
        r"\mathrm{1" * 200 + "}" * 200,
        r"\begin{pmatrix}" + "1&" * 340 + r"1\end{pmatrix}",
    ],
)
def test_bombs_take_milliseconds(inside):
    """An exponential parse would take minutes for three gold answers; measured: at most 0.2 s."""
    began = time.process_time()
    for gold in ("5", inside, inside + "+0"):
        judge(f"\\boxed{{{inside}}}", [gold])
    assert time.process_time() - began < 30


@pytest.mark.parametrize(
    "piece", [r"\boxed{1} ", r"\boxed{1}, ", r"\boxed{", "$", "$x", "(", "9", "answer ", "the answer is ", "\n", "1,", r"\[", r"\(", ". ", "#### ", "box", r"\boxed "]
)  # fmt: skip
def test_four_times_the_text_takes_about_four_times_as_long(piece):
    """A quadratic search takes sixteen times as long. Measured for 100,000 characters: at most 0.04 s."""

    def seconds(characters):
        text, taken = piece * (characters // len(piece)), []
        for _ in range(3):  # the fastest: a collection of garbage may fall into any of them
            began = time.process_time()
            judge(text, ["5"])
            taken.append(time.process_time() - began)
        return min(taken)

    assert seconds(100_000) < 8 * seconds(25_000) + 0.05


def test_depth_is_bounded_by_the_grader_and_not_by_python():
    """The same verdict far down another's stack: 400 frames are left at least."""
    text = rf"\boxed{{{'(' * 18}1{')' * 18}}}"

    def down(frames):
        return judge(text, ["1+0"]) if frames == 0 else down(frames - 1)

    assert down(sys.getrecursionlimit() - 700).status == judge(text, ["1+0"]).status == "ok"
