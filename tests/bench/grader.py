"""`make bench-grader`: ordinary answers a processor second of the graders, pipes and processes included, beside bare math-verify.

Answers are worked sentences that end in a number, a fraction or a short expression, most in a box and 4 in 10 of them wrong;
all are different, so that none is graded from memory. In training several responses answer one question, whose right answer
is parsed once; the second figure has a question an answer.
"""

from __future__ import annotations

import logging
import os
import random
import time
from pathlib import Path

from math_verify import parse, verify

from sspo.config import RewardConfig
from sspo.grading.graders import Graders

ANSWERS, GROUP, WANTED = 1_200, 8, 200
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = (
    "{n}", "{n}", "{n}", "{n}", "{n}", "{n}", "{n},000", "{n}.5", r"\frac{{{n}}}{{7}}", r"{n}\%", r"{n} \text{{ cm}}",
    r"{n}\sqrt{{2}}",
)  # fmt: skip
"""Half are whole numbers. Intervals and formulas take ten times as long: a grammar reads them with all that follows in view."""


def main() -> None:
    """Print both figures."""
    graders = Graders(RewardConfig(second=0))
    graders.grade(["1"], [["1"]])
    for group in (GROUP, 1):
        texts, golds = questions(group)
        before = processor_seconds(graders)
        found = graders.grade(texts, golds)
        taken = processor_seconds(graders) - before
        bare = bare_seconds(texts, golds)
        counts = {status: found.count(status) for status in sorted(set(found))}
        print(
            f"{group} answers a question: {ANSWERS / taken:,.0f} a processor second ({WANTED} wanted), {1000 * taken / ANSWERS:.1f} ms each; "
            f"bare math-verify, without limits and with its caches: {ANSWERS / bare:,.0f}, ratio {bare / taken:.2f}; {counts}"
        )
    graders.close()


def bare_seconds(texts: list[str], golds: list[list[str]]) -> float:
    """Processor seconds of math-verify alone on the same answers, in this process."""
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    begun = time.process_time()
    for text, (gold,) in zip(texts, golds, strict=True):
        wanted = parse(f"\\boxed{{{gold}}}", parsing_timeout=None)
        verify(wanted, parse(text, parsing_timeout=None), timeout_seconds=None)
    return time.process_time() - begun


def questions(group: int) -> tuple[list[str], list[list[str]]]:
    """Texts and right answers, `group` texts to each right answer; the words before an answer change nothing."""
    rng = random.Random(group)
    texts, golds = [], []
    for i in range(ANSWERS):
        if i % group == 0:
            kind, number = rng.choice(KINDS), i + 2
        said = kind.format(n=number if rng.random() < 0.6 else number + rng.randrange(1, 90))
        steps = f"First we add {i} and {i + 1}, then we divide by {number}. "
        texts.append(
            steps * 5
            + (f"So the answer is \\boxed{{{said}}}." if i % 10 else f"Step {i}: the answer is ${said}$.")
        )
        golds.append([kind.format(n=number)])
    return texts, golds


def processor_seconds(graders: Graders) -> float:
    """Of this process, the servers and those that grade."""
    pids = graders.server_pids()
    pids += [int(c) for p in pids for c in Path(f"/proc/{p}/task/{p}/children").read_text().split()]
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return time.process_time() + sum(int(f[11]) + int(f[12]) for f in fields) / TICKS


if __name__ == "__main__":
    main()
