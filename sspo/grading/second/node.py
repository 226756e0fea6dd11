"""The expression tree of an answer, and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


class UnreadableError(Exception):
    """An answer that this grader cannot read; it never leaves the package."""


@dataclass(frozen=True)
class Node:
    """A node. `op` is its kind.

    Scalars: num, sym, call, add, mul, div, inv, pow, neg, fn, root, abs, floor, ceil, fact, binom, pm, degree, percent, based, unit.
    The rest: bracket (a tuple or an interval), set, list, union, matrix (of rows), row, rel (an equation or inequality), text.
    """

    op: str
    args: tuple[Node, ...] = ()
    name: str = ""
    """Name of a symbol, function or unit; brackets; relations, separated by spaces; digits of `based`; words of `text`.
    """
    value: Fraction = Fraction(0)
    """Value of a number; the base of `based`."""

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.args)

    def symbols(self) -> set[str]:
        """Return the names of its letters."""
        return {node.name for node in self.walk() if node.op == "sym"}


def number(value: int | Fraction) -> Node:
    """Return a number's node."""
    return Node("num", value=Fraction(value))


INFINITY = Node("sym", name="\\infty")
CONSTANTS = {"\\pi", "e", "i", "\\infty"}
"""Symbols that are not unknowns."""


def named(node: Node) -> bool:
    """Return whether it can stand before an equals sign as the unknown: x, m_{max}, f(x), AB, dy/dx, (x, y), words."""
    if node.op in ("sym", "text"):
        return node.name not in CONSTANTS
    if node.op == "call":
        return True
    return node.op in ("mul", "div", "bracket") and all(
        arg.op in ("sym", "mul") and named(arg) for arg in node.args
    )
