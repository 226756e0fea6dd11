"""Chains of single-digit arithmetic, read left to right, every result modulo ten.

    prompt      4 * 2 - 5 ?
    clauses     so 4 * 2 is 8 , try 8 - 5 , 3 . answer 3 .
    paragraphs  so 4 * 2 is 8 .
                try 8 - 5 , 3 .
                answer 3 .

A worked answer is written in clauses of 2 to 16 tokens, in one of two styles: clauses alone, or clauses in sentences
in lines. Segmentation matters in both; sentences and lines differ only in the second.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sspo.config import TaskConfig
from sspo.errors import UserError
from sspo.questions.held_out import held_out
from sspo.questions.task import refuse_unread
from sspo.randomness import python_stream
from sspo.types import Problem

OPERATORS = ("+", "-", "*")
MOST_QUESTIONS = 10_000  # the short set has about 50,000 of three steps

CLAUSES = (
    "{a} {op} {b} = {c}",
    "so {a} {op} {b} is {c}",
    "try {a} {op} {b} , {c}",
    "then we take the {a} we have and see that {a} {op} {b} gives {c}",
)
ENDINGS = (" , ", " , ", " . ", " . \n ")
"""Endings of a step's clause in paragraphs, equally likely: half of them end a sentence, a quarter a line."""
VOCABULARY = (
    *"0123456789",
    *OPERATORS,
    *("=", ",", ".", "?"),
    *sorted({word for clause in CLAUSES for word in clause.split() if word.isalpha()}),
    "answer",
)


def clauses(steps: Sequence[str], answer: int, rng: random.Random) -> str:
    """Return one sentence of clauses, then the answer."""
    del rng
    return f"{' , '.join(steps)} . answer {answer} ."


def paragraphs(steps: Sequence[str], answer: int, rng: random.Random) -> str:
    """Return clauses in sentences in lines; the answer has a line of its own."""
    text = "".join(step + rng.choice(ENDINGS) for step in steps[:-1])
    return f"{text}{steps[-1]} . \n answer {answer} ."


@dataclass(frozen=True, kw_only=True)
class Style:
    """A style of worked answers, and the words that it uses."""

    join: Callable[[Sequence[str], int, random.Random], str]
    vocabulary: tuple[str, ...]


STYLES = {
    "clauses": Style(join=clauses, vocabulary=VOCABULARY),
    "paragraphs": Style(join=paragraphs, vocabulary=(*VOCABULARY, "\n")),
}


@dataclass(frozen=True)
class Family:
    """Chains of min_steps to max_steps operations with the given operator weights."""

    min_steps: int
    max_steps: int
    operator_weights: tuple[int, int, int] = (1, 1, 1)


TRAIN = Family(5, 7)
EVAL_SETS = {
    "short": Family(3, 4),
    "medium": Family(5, 6),
    "long": Family(7, 8),
    "products": Family(6, 6, operator_weights=(1, 1, 4)),
    "longer": Family(9, 10),
}


def apply(a: int, op: str, b: int) -> int:
    """Return the result of one operation modulo ten."""
    return {"+": a + b, "-": a - b, "*": a * b}[op] % 10


def parse(prompt: str) -> tuple[int, list[tuple[str, int]]]:
    """Return a prompt's first digit and its operations."""
    first, *rest = prompt.split()[:-1]
    return int(first), [(op, int(b)) for op, b in zip(rest[::2], rest[1::2], strict=True)]


def solve(prompt: str) -> int:
    """Return the right answer."""
    value, operations = parse(prompt)
    for op, b in operations:
        value = apply(value, op, b)
    return value


def draw_prompt(rng: random.Random, family: Family, *, want_held_out: bool) -> str:
    """Return one prompt of the family from the requested split."""
    while True:
        prompt = str(rng.randint(0, 9))
        for _ in range(rng.randint(family.min_steps, family.max_steps)):
            (op,) = rng.choices(OPERATORS, family.operator_weights)
            prompt += f" {op} {rng.randint(0, 9)}"
        prompt += " ?"
        if held_out(prompt) == want_held_out:
            return prompt


def worked_answer(
    prompt: str, rng: random.Random, step: Callable[[int, str, int], int] = apply, style: str = "clauses"
) -> str:
    """Return a worked answer in randomly chosen clauses; `step` may compute wrongly, and later clauses then follow it."""
    value, operations = parse(prompt)
    steps = []
    for op, b in operations:
        result = step(value, op, b)
        steps.append(rng.choice(CLAUSES).format(a=value, op=op, b=b, c=result))
        value = result
    return STYLES[style].join(steps, value, rng)


class ChainTask:
    """The embedded default task."""

    vocabulary = VOCABULARY
    eval_sets = tuple(EVAL_SETS)
    fingerprint: str | None = None
    trains = True

    def train_problems(self, seed: int, rollout: int, count: int) -> list[Problem]:
        """Return the prompts of one rollout; a function of (seed, rollout) alone."""
        rng = python_stream(seed, "train problems", rollout)
        prompts = [draw_prompt(rng, TRAIN, want_held_out=False) for _ in range(count)]
        return [
            Problem(id=f"train/{rollout}/{i}", prompt=p, answer=str(solve(p))) for i, p in enumerate(prompts)
        ]

    def eval_problems(self, name: str, count: int) -> list[Problem]:
        """Return the first `count` questions of a held-out set; the same for every run."""
        if count > MOST_QUESTIONS:
            raise UserError(
                f"evaluation questions must be at most {MOST_QUESTIONS} per set of task chain, got {count}"
            )
        rng = python_stream(0, f"eval problems {name}")
        unique: dict[str, None] = {}
        while len(unique) < count:
            unique[draw_prompt(rng, EVAL_SETS[name], want_held_out=True)] = None
        return [Problem(id=f"{name}/{i}", prompt=p, answer=str(solve(p))) for i, p in enumerate(unique)]

    def eval_size(self, name: str) -> int | None:
        """Return None: questions are drawn without end."""
        return None


def open_task(config: TaskConfig) -> ChainTask:
    """Return the task; it reads no option."""
    refuse_unread(config, ())
    return ChainTask()
