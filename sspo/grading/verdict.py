"""math-verify's verdict on an answer. Only the processes that grade import this module.

The right answer is parsed first and comes first, because math-verify's comparison is not symmetric. Its own limits are
wall time, which depends on the load of the machine, so they are off: sspo/grading/limits.py has others. Every answer
starts from the same state, whatever came before: caches are emptied, and sympy's random numbers, which decide whether
expressions look equal, restart.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from typing import Any

import math_verify.parser
import sympy.core.cache
import sympy.core.random
from latex2sympy2_extended.antlr_parser import PSParser
from math_verify import parse, verify

OK, WRONG, UNPARSABLE, CRASHED = "ok", "wrong", "unparsable", "crashed"
"""Keys of sspo.types.STATUSES."""
CACHES = (
    math_verify.parser.parse_latex_cached,
    math_verify.parser.parse_expr_cached,
    math_verify.parser.extract_latex,
)
RANDOM_SEED = 0
GOLDS_KEPT = 256
"""Right answers that stay parsed: a rollout has many responses to each."""
WARM = (
    ("12", "13"),
    (r"\frac{1}{2}", "0.5"),
    (r"(1, 2]", r"(1, \infty)"),
    (r"\{1, 2\}", "2, 3"),
    ("(1, 2)", "(2, 1)"),
    ("x + 1", "x^2 + 2x"),
    ("x = 5", "y = 2x"),
    ("x < 3", "2x > 5"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 3 \end{pmatrix}"),
    (r"\sqrt{2} + \sin 1", r"\log 3 - \pi"),
    (r"25\%", r"3.0 \times 10^8 \text{ m}"),
)

logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns that its own limits are off
if not hasattr(PSParser.AtomContext, "FUNC_GAMMA"):
    # latex2sympy2_extended 1.11.0 ships parsers for three antlr runtimes, and queries each atom for a \Gamma that only the newest
    # one defines. Under the older ones, which Hydra requires, that query raises before all later ones: percentages.
    PSParser.AtomContext.FUNC_GAMMA = lambda self: None


def read(golds: Sequence[str]) -> list[list[Any]]:
    """Return the parsed right answers; an empty list for one that cannot be read. Raises MemoryError."""
    return [list(_gold(gold)) for gold in golds]


def judge(answer: str, golds: Sequence[Sequence[Any]]) -> str:
    """Return OK if the answer is any of the right ones (see `read`); WRONG; UNPARSABLE if no expression is found in it,
    or none that can be read or compared, including one that nests too deep; CRASHED if memory ran out and math-verify
    stopped.
    """
    _forget()
    try:
        found = _parse(answer)
        if not found:
            return UNPARSABLE
        if any(verify(list(gold), found, timeout_seconds=None, raise_on_error=True) for gold in golds):
            return OK
        return UNPARSABLE if all(isinstance(one, str) for one in found) else WRONG
    except MemoryError:
        return CRASHED
    except Exception:
        return UNPARSABLE  # with raise_on_error it raises whatever sympy does


def warm() -> None:
    """Trigger sympy's lazy imports, so that no answer pays for them."""
    for gold, answer in WARM:
        judge(f"\\boxed{{{answer}}}", read([gold]))


@functools.lru_cache(maxsize=GOLDS_KEPT)
def _gold(gold: str) -> tuple[Any, ...]:
    _forget()
    try:
        return tuple(_parse(f"\\boxed{{{gold}}}"))
    except MemoryError:
        raise
    except Exception:
        return ()


def _parse(text: str) -> list[Any]:
    parsed: list[Any] = parse(text, parsing_timeout=None, raise_on_error=True)
    return parsed


def _forget() -> None:
    sympy.core.cache.clear_cache()
    sympy.core.random.seed(RANDOM_SEED)
    for cache in CACHES:
        cache.cache_clear()
