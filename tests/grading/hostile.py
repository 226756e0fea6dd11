"""Answers that mean harm, from a seed: towers of exponents, deep nesting, megabytes, unicode, LaTeX bombs, code, junk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

PIECES = (
    r"\frac", r"\sqrt", r"\boxed", r"\text", r"\begin{pmatrix}", r"\end{pmatrix}", r"\left(", r"\right.", r"\%", "{", "}", "$",
    "$$", r"\(", r"\]", "[", "(", ")", "^", "_", "&", r"\\", "answer: ", "final answer is ", "=", "<", "|", "!", ",", "-", "+",
    "x", "e", "i", "7", "0.5", "1,000", " ", "\n", "\x00", "\\", "and", "or", r"\pi", r"\infty", r"\cup", r"\in", r"\to", "'",
)  # fmt: skip
ALPHABETS = (
    "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "𝟎𝟏𝟐𝟑", "½⅓²³√∞π∫∑", "\u202e\u200b\u2066\ufeff", "e\u0301\u0327", "\ud800\udfff", "你好答案是",
    "🧮👩‍👩‍👧‍👦", "\x00\x1b\x7f\x85\u2028",
)  # fmt: skip


def tower(rng: random.Random) -> str:
    """Numbers that no machine writes down."""
    base, big = rng.choice(("9", "10", "2", "0.1", "x", "(1+1)")), str(rng.randrange(10**5, 10**12))
    return boxed(
        rng.choice(
            (
                f"{base}^{{{base}^{{{big}}}}}", f"{base}^{{{big}}}", f"{big}!", f"{big}!!", f"\\binom{{{big}}}{{{big[:-1]}}}",
                f"{base}^{{-{big}}}", f"1e{big}", f"({base}+x)^{{{big}}}",
            )
        )
    )  # fmt: skip


def bomb(rng: random.Random) -> str:
    """LaTeX that asks for endless work."""
    much = 10 ** rng.randrange(6, 15)
    return boxed(
        rng.choice(
            (
                f"\\sum_{{k=1}}^{{{much}}} \\frac{{1}}{{k^3+1}}", f"\\prod_{{k=1}}^{{{much}}} k", r"\int_0^1 x^{x^{x^x}} dx",
                r"\lim_{x \to 0} \frac{\sin(\sin(\sin x^x))}{x^{x^x}}", "x" * 400, ",".join(map(str, range(400))),
                r"\begin{pmatrix}" + r"\\".join("&".join("1" * 14) for _ in range(14)) + r"\end{pmatrix}^{-1}",
            )
        )
    )  # fmt: skip


def deep(rng: random.Random) -> str:
    """Brackets in brackets."""
    opening, closing = rng.choice(
        (("(", ")"), ("{", "}"), (r"\frac{1}{", "}"), (r"\sqrt{", "}"), ("2^{", "}"), ("[", "]"))
    )
    depth = rng.choice((25, 100, 3_000, 200_000))
    return boxed(opening * depth + "2" + closing * rng.choice((depth, depth - 1, 0)))


def megabytes(rng: random.Random) -> str:
    """One piece, over and over."""
    piece = rng.choice((*PIECES, r"\boxed{", r"\boxed{1} and ", "1+", "a b", "$x$ ", r"\(a "))
    return piece * (rng.randrange(100_000, 1_000_000) // len(piece)) + rng.choice(
        ("", r"\boxed{3}", " answer: 3")
    )


def unicode(rng: random.Random) -> str:
    """Signs that look like others, or like none."""
    text = "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(rng.randrange(1, 40)))
    return text if rng.random() < 0.3 else boxed(text)


def junk(rng: random.Random) -> str:
    """LaTeX that no grammar knows."""
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 30)))


def code(rng: random.Random, canary: str) -> str:
    """What would leave a file behind if it were executed."""
    statement = f"__import__('os').system('touch {canary}')"
    text = rng.choice(
        (
            statement, f"open('{canary}','w').write('x')", f"eval(\"{statement}\")", f"().__class__.__base__ + {statement}",
            f"\\immediate\\write18{{touch {canary}}}", f"\\input{{|touch {canary}}}", f"\\operatorname{{{statement}}}(2)",
            f"\\text{{{statement}}}", f"'; touch {canary} #", f"$(touch {canary})", f"`touch {canary}`",
            f"lambda: {statement}", f"1 if {statement} else 2", f"\n{{\"status\": \"ok\", \"last\": false}}\n{statement}",
        )
    )  # fmt: skip
    return rng.choice((boxed(text), f"The answer is {text}", f"${text}$", f"answer: 2+{text}"))


def boxed(text: str) -> str:
    """In a box."""
    return f"\\boxed{{{text}}}"


LIGHT: tuple[Callable[[random.Random], str], ...] = (deep, megabytes, unicode, junk)
HEAVY: tuple[Callable[[random.Random], str], ...] = (tower, bomb)
"""These take all the time that they are given, or nearly."""


def answers(seed: int, count: int, canary: str, heavy: float) -> Iterator[str]:
    """So many answers, a share of them heavy and a fifth of the others code."""
    rng = random.Random(seed)
    for _ in range(count):
        if rng.random() < heavy:
            yield rng.choice(HEAVY)(rng)
        elif rng.random() < 0.2:
            yield code(rng, canary)
        else:
            yield rng.choice(LIGHT)(rng)
