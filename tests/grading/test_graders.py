"""The processes that grade: each status, bounds that belong to the answer, hostile answers, and the golds of five benchmarks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from sspo.config import RewardConfig
from sspo.config.places import CONF_ROOT
from sspo.errors import UserError
from sspo.grading.golds import check_golds, says_something
from sspo.grading.graders import Graders, status_of_whole_number
from sspo.types import STATUSES, Problem
from tests.grading import hostile
from tests.grading.golds import SETS, golds, some
from tests.shared_data import needs_data

SLOW = r"\frac{2 \pi c^{2} R^{2}}{d^{2} \lambda^{5} \left(e^{\frac{hc}{\lambda k T}} - 1\right)}"
"""A right answer of Minerva that takes more than a tenth of a processor second, by far."""
ENDLESS = r"\boxed{9^{9^{9^9}}}"


@pytest.fixture(scope="module")
def shared() -> Iterator[Graders]:
    graders = Graders(RewardConfig())
    yield graders
    graders.close()


@pytest.fixture
def graders(shared: Graders) -> Iterator[Graders]:
    """One set of processes for all tests, whose limits a test may change."""
    before = dict(shared.limits)
    yield shared
    shared.limits = before


def grade(graders: Graders, text: str, *right: str) -> str:
    return graders.grade([text], [right])[0]


@pytest.mark.parametrize(
    ("text", "right", "status"),
    [
        (r"so it is \boxed{\frac{1}{2}}.", ["0.5"], "ok"),
        ("The answer is 42", ["42"], "ok"),  # no box: the last answer
        (r"First \boxed{3}, no: \boxed{4}.", ["4"], "ok"),  # the last box
        (r"\boxed{025} then \boxed{204}", ["204"], "ok"),  # math-verify alone joins these to 25.204
        (r"$x = \boxed{2}$ or $x = \boxed{-2}$", [r"\pm 2"], "ok"),
        (r"\boxed{1} and \boxed{2}", ["1, 2"], "ok"),
        (r"\boxed{5}", ["4", "5"], "ok"),  # the best of several right answers
        (r"\boxed{12,000}", ["12000"], "ok"),
        (r"\boxed{12000}", ["12,000"], "ok"),
        (r"\boxed{5 \text{ cm}}", ["5"], "ok"),
        (r"\boxed{5}", [r"5\,\mathrm{m/s}"], "ok"),
        (r"\boxed{25\%}", [r"25\%"], "ok"),
        (r"\boxed{25\%}", ["0.25"], "ok"),  # not read at all by latex2sympy2_extended under antlr 4.9
        (r"\boxed{25}\%", [r"\frac{1}{4}"], "ok"),
        (r"\boxed{2, 3, 1}", [r"\{1, 2, 3\}"], "ok"),
        (r"\boxed{(1, 2]}", ["(1,2]"], "ok"),
        (r"\boxed{(1, 2)}", ["(1,2]"], "wrong"),  # an end is open
        (r"\boxed{\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}}", [r"\begin{pmatrix} 1&2\\3&4 \end{pmatrix}"], "ok"),
        (r"\boxed{\begin{bmatrix} 1 & 2 \\ 3 & 5 \end{bmatrix}}", [r"\begin{pmatrix} 1&2\\3&4 \end{pmatrix}"], "wrong"),
        (r"\boxed{(0, 1)}", ["0 < x < 1"], "ok"),
        (r"\boxed{x = 5}", ["5"], "ok"),
        (r"\boxed{0.0000001}", ["1e-07"], "ok"),  # not e - 7
        (r"\boxed{3.89e-10}", ["3.89e-10"], "ok"),
        (r"\boxed{4.5 \times 10^{33}}", ["4.5e33"], "ok"),
        (r"\boxed{2.5e3}", ["2501"], "wrong"),
        (r"\boxed{5}", ["6"], "wrong"),
        ("I do not know.", ["6"], "unparsable"),
        ("", ["6"], "unparsable"),
        (r"\boxed{}", ["6"], "unparsable"),
        (r"\boxed{???}", ["6"], "unparsable"),
        (r"\boxed{" + "(" * 40 + "6" + ")" * 40 + "}", ["6"], "unparsable"),  # nested deeper than answers are
        (r"\boxed{" + "6 + " * 2_000 + "6}", ["6"], "unparsable"),  # longer than answers are
    ],
)  # fmt: skip
def test_a_verdict_of_every_kind(graders: Graders, text: str, right: list[str], status: str) -> None:
    assert grade(graders, text, *right) == status


def test_an_answer_that_takes_its_processor_seconds_is_a_timeout_and_the_next_one_is_graded(
    graders: Graders,
) -> None:
    graders.limits["cpu_seconds"] = 0.1
    assert graders.grade([ENDLESS, r"\boxed{7}"], [["7"], ["7"]]) == ["timeout", "ok"]


def test_an_answer_that_takes_its_memory_is_a_crash(graders: Graders) -> None:
    graders.limits["memory_mb"] = 64
    assert graders.grade([r"\boxed{(x+1)^{10000000}}", r"\boxed{7}"], [["(x+2)^{2}"], ["7"]]) == [
        "crashed",
        "ok",
    ]


@contextmanager
def alongside(graders: Graders, do: str) -> Iterator[list[int]]:
    """While the block runs: kill the grader at work once, always, or stop it for longer than its processor seconds. Yields the
    grader processes that it happened to."""
    grade(graders, r"\boxed{1}", "1")
    hit: list[int] = []
    over = threading.Event()

    def act() -> None:
        while not over.is_set() and (do == "always" or not hit):
            for pid in children(graders.server_pids()[0]):
                if pid not in hit and busy(pid):
                    os.kill(pid, signal.SIGSTOP if do == "stop" else signal.SIGKILL)
                    hit.append(pid)
                    if do == "stop":
                        time.sleep(1.2)
                        os.kill(pid, signal.SIGCONT)
            time.sleep(0.002)

    thread = threading.Thread(target=act)
    before = {pid: ticks(pid) for pid in children(graders.server_pids()[0])}

    def busy(pid: int) -> bool:
        return ticks(pid) > before.get(pid, 0) + 2

    thread.start()
    try:
        yield hit
    finally:
        over.set()
        thread.join()


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def ticks(pid: int) -> int:
    """Processor time in ticks of a hundredth of a second."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize(("do", "status"), [("once", "ok"), ("always", "crashed"), ("stop", "ok")])
def test_what_happens_to_a_grader_from_outside(graders: Graders, do: str, status: str) -> None:
    graders.limits["cpu_seconds"] = 1.0 if do == "stop" else 10.0
    with alongside(graders, do) as hit:
        assert (
            grade(
                graders, f"\\boxed{{{SLOW} + {do}}}" if do == "always" else f"\\boxed{{{SLOW}}}", SLOW + " "
            )
            == status
        )
    assert (
        len(hit) == {"once": 1, "always": 2, "stop": 1}[do]
    )  # a death is tried once more; standing still is no death
    assert grade(graders, r"\boxed{7}", "7") == "ok"


def test_verdicts_do_not_depend_on_what_was_graded_before(graders: Graders) -> None:
    pairs = [
        (r"\boxed{x^2 - 1}", "(x-1)(x+1)"), (r"\boxed{\sqrt{8}}", r"2\sqrt{2}"), (r"\boxed{0.3333333}", r"\frac{1}{3}"),
        (r"\boxed{y = 2x}", "2x - y = 0"), (r"\boxed{x}", "y"), (r"\boxed{\sin^2 x + \cos^2 x}", "1"),
    ]  # fmt: skip
    alone = []
    for text, right in pairs:
        for pid in children(graders.server_pids()[0]):
            os.kill(pid, signal.SIGKILL)  # so that each meets a new process
        alone.append(grade(graders, text, right))
    order = [*range(len(pairs))] * 3
    random.Random(0).shuffle(order)
    for i in order:  # a call each: equal pairs of one call are graded once
        assert grade(graders, *pairs[i]) == alone[i], pairs[i]
    assert {"ok", "wrong"} <= set(alone)


def check_hostile(graders: Graders, count: int, heavy: float, canary: Path) -> dict[str, int]:
    texts = list(hostile.answers(17, count, str(canary), heavy))
    found = graders.grade(texts, [["17"]] * count)
    assert set(found) <= set(STATUSES)
    assert not canary.exists()
    assert grade(graders, r"\boxed{17}", "17") == "ok"
    return {status: found.count(status) for status in set(found)}


@pytest.mark.parametrize(
    ("count", "heavy"), [(500, 0.01), pytest.param(10_000, 0.05, marks=pytest.mark.acceptance)]
)
def test_hostile_answers_end_in_a_status_and_nothing_is_executed(
    graders: Graders, tmp_path: Path, count: int, heavy: float
) -> None:
    graders.limits["cpu_seconds"] = 0.1
    graders.limits["memory_mb"] = 512
    found = check_hostile(graders, count, heavy, tmp_path / "canary")
    print(found)
    assert found["unparsable"] > count / 2
    assert found["timeout"] > 0


@needs_data
def test_right_answers_of_every_benchmark_count_as_right(graders: Graders) -> None:
    taken = some(20)
    assert len(taken) == 20 * len(SETS)
    assert not_right(graders, taken) == []


@needs_data
@pytest.mark.acceptance
def test_all_right_answers_count_as_right(graders: Graders) -> None:
    assert [len(golds(name)) for name in SETS] == [*SETS.values()]
    assert not_right(graders, [gold for name in SETS for gold in golds(name)]) == []


@needs_data
@pytest.mark.acceptance
def test_right_answers_count_as_right_under_load(graders: Graders) -> None:
    """A fifth of them: the load takes the processors from other tests as well."""
    load = 2 * (os.cpu_count() or 1)
    neighbors = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(load)]
    try:
        found = not_right(graders, some(75))
    finally:
        for neighbor in neighbors:
            neighbor.kill()
            neighbor.wait()
    assert found == []


def not_right(graders: Graders, right: Sequence[str]) -> list[str]:
    """The right answers that do not count as right."""
    found = graders.grade([f"\\boxed{{{gold}}}" for gold in right], [[gold] for gold in right])
    return [gold for gold, status in zip(right, found, strict=True) if status != "ok"]


def test_right_answers_that_cannot_be_read_are_counted_and_three_are_named(graders: Graders) -> None:
    def problems(*right: str) -> list[Problem]:
        return [Problem(id=f"q{i}", prompt="", answer=gold) for i, gold in enumerate(right)]

    check_golds(problems("1", r"\frac{1}{2}", "[0, 1)"), graders)
    with pytest.raises(
        UserError,
        match=r"^reward 'math_verify' cannot read 4 of 5 right answers: '' of q1, '\}\{' of q2, '\(\(+\.\.\.\(+' of q3, \.\.\.; correct",
    ):
        check_golds(problems("1", "", "}{", "(" * 99, "", "x" * 3_000), graders)


@pytest.mark.parametrize(
    ("right", "says"),
    [
        ("?", False), ("))", False), ("=", False), (r"\frac{1}{", False), ("(1, 2", False), ("x=", False), ("x = ", False),
        ("", False), ("}{", False), (r"\{1, 2\}}", False), ("[1, 2", False), (r"\left(1, 2\right", False), ("=>", False),
        ("0", True), ("x", True), ("(0, 1]", True), ("[0, 1)", True), ("]0, 1[", True), ("$t(0,4]$", True), (r"\{1, 2\}", True),
        (r"\left\{1\right.", True), ("x=5", True), (r"\emptyset", True), ("∅", True), ("-∞", True),
        (r"\begin{pmatrix}1\\{2}\end{pmatrix}", True), (r"\text{(A)}", True), ("50\\%", True),
    ],
)  # fmt: skip
def test_a_right_answer_says_something_and_closes_what_it_opens(right: str, says: bool) -> None:
    assert says_something(right) == says


def test_right_answers_that_say_nothing_are_refused_although_their_text_equals_itself(
    graders: Graders,
) -> None:
    problems = [Problem(id=f"q{i}", prompt="", answer=gold) for i, gold in enumerate(("1", "?", "x=", "))"))]
    with pytest.raises(
        UserError, match=r"cannot read 3 of 4 right answers: '\?' of q1, 'x=' of q2, '\)\)' of q3;"
    ):
        check_golds(problems, graders)


@needs_data
def test_every_right_answer_of_the_benchmarks_says_something() -> None:
    right = [gold for name in SETS for gold in golds(name)]
    assert len(right) == 1_639
    assert [gold for gold in right if not says_something(gold)] == []


WHOLE = ("0", "-0", "7", "007", "-7", "025", "1000000", "999999999999999", "999999999999998")


@pytest.mark.parametrize(
    "numbers", [WHOLE[2:5], pytest.param(WHOLE, marks=pytest.mark.acceptance)], ids=["few", "all"]
)
def test_whole_numbers_are_judged_as_math_verify_judges_them(numbers: Sequence[str]) -> None:
    from sspo.grading import verdict

    for gold in numbers:
        read = verdict.read([gold])
        for said in numbers:
            answer = f"\\boxed{{{said}}}"
            assert status_of_whole_number(answer, [gold]) == verdict.judge(answer, read)
    assert status_of_whole_number(r"\boxed{7}", ["6", "7"]) == "ok"
    for answer, gold in ((r"\boxed{7\%}", "7"), (r"\boxed{7}", "7.0"), ("it is 7", "7"), (r"\boxed{٧}", "7")):
        assert status_of_whole_number(answer, [gold]) is None


@pytest.mark.acceptance
def test_several_processes_give_the_statuses_of_one_in_the_order_of_the_answers() -> None:
    graders = Graders(RewardConfig(workers=3, cpu_seconds=0.5))
    texts = [ENDLESS if i % 7 == 0 else f"\\boxed{{{i}.5}}" for i in range(30)]
    found = graders.grade(texts, [[f"{i - i % 2}.5"] for i in range(30)])
    assert found == ["timeout" if i % 7 == 0 else "wrong" if i % 2 else "ok" for i in range(30)]
    assert len(graders.server_pids()) == 3
    graders.close()


@pytest.mark.acceptance
def test_a_server_that_is_killed_is_one_sentence_and_the_next_answer_starts_another() -> None:
    graders = Graders(RewardConfig())
    assert grade(graders, r"\boxed{1.5}", "1.5") == "ok"
    (server,) = graders.server_pids()
    killer = threading.Timer(1.0, os.kill, (server, signal.SIGKILL))
    killer.start()
    with pytest.raises(
        UserError, match=r"process that starts graders was killed by signal 9: if memory is short"
    ):
        grade(graders, ENDLESS, "1")
    killer.join()
    assert grade(graders, r"\boxed{1.5}", "1.5") == "ok"
    assert server not in graders.server_pids()
    graders.close()


@pytest.mark.acceptance
def test_graders_end_with_whoever_started_them() -> None:
    """... also when that is killed while an answer is worked on."""
    script = f"""
import sys, threading
from sspo.config import RewardConfig
from sspo.grading.graders import Graders
graders = Graders(RewardConfig(cpu_seconds=600.0))
graders.grade(["1"], [["1"]])
print(*graders.server_pids(), flush=True)
graders.grade([{ENDLESS!r}], [["1"]])
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=CONF_ROOT.parent, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    grader = children(server)[0]
    begun = ticks(grader)
    while ticks(grader) < begun + 10:
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in (server, grader)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{grader}").exists()
    assert not Path(f"/proc/{server}").exists() or ticks(server) == 0
