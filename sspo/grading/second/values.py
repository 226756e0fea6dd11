"""The value of a tree, at one or several fixed points if it has letters."""

from __future__ import annotations

import cmath
import functools
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sspo.grading.second import numbers
from sspo.grading.second.node import CONSTANTS, Node, UnreadableError
from sspo.grading.second.numbers import Inexact, Number, UndefinedError

POINTS = 6
"""Number of points at which expressions with letters are compared."""
_VALUES = {
    "\\pi": Inexact(complex(math.pi), 2e-16),
    "e": Inexact(complex(math.e), 2e-16),
    "i": Inexact(1j, 0.0),
}
_PLAIN: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan, "sinh": cmath.sinh,
    "cosh": cmath.cosh, "tanh": cmath.tanh, "exp": cmath.exp, "log": cmath.log, "ln": cmath.log, "lg": cmath.log10,
    "cot": lambda z: 1 / cmath.tan(z), "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z),
}  # fmt: skip


@dataclass(frozen=True)
class Points:
    """Values of letters: whole numbers if floors or powers of -1 are compared, else fractions, positive if roots are
    taken.
    """

    whole: bool
    signed: bool

    @classmethod
    def for_trees(cls, trees: Sequence[Node]) -> Points:
        """Return points that suit all of the trees. Letters under roots and logarithms are positive."""
        ops = {node.op for tree in trees for node in tree.walk()}
        rooted = any(_rooted(node) for tree in trees for node in tree.walk())
        alternating = any(_alternating(node) for tree in trees for node in tree.walk())
        return cls(whole=bool(ops & {"floor", "ceil"}) or alternating, signed="abs" in ops or not rooted)

    def letter(self, name: str, point: int) -> Number:
        """Return a letter's value at a point: a fixed function of its name, with few digits so that polynomials stay
        exact.
        """
        return _letter_value(name, point, self.whole, self.signed)


@functools.lru_cache(maxsize=4096)
def _letter_value(name: str, point: int, whole: bool, signed: bool) -> Fraction:
    code = zlib.crc32(f"{point}:{name}".encode())
    if whole:
        return Fraction(3 + code % 40)
    size = Fraction(code % 1999 + 301, 1000)
    return -size if signed and point >= 3 and code >> 16 & 1 else size


def _alternating(node: Node) -> bool:
    """Return whether the node is a power of a negative number, such as (-1)^n."""
    if node.op != "pow" or not node.args[1].symbols() - CONSTANTS:
        return False
    base = node.args[0]
    return base.op == "num" and base.value < 0


def _rooted(node: Node) -> bool:
    if node.op == "pow":
        exponent = node.args[1]
        whole = exponent.op == "num" and exponent.value.denominator == 1
        return not whole and bool(node.args[0].symbols() - CONSTANTS)
    return node.op in ("root", "fn", "fact", "binom") and bool(node.symbols() - CONSTANTS)


class Valued:
    """A tree with its values at the points, computed once."""

    def __init__(self, tree: Node, points: Points) -> None:
        self.tree, self.points = tree, points
        self.constant = not tree.symbols() - {"\\pi", "e", "i"} and not any(
            node.op == "call" for node in tree.walk()
        )
        self._values: dict[int, Number | None] = {}

    def at(self, point: int) -> Number | None:
        """Return the value there, or None if it has none. Raises UnreadableError for trees that are not numbers, or are
        too large.
        """
        if point not in self._values:
            try:
                self._values[point] = evaluate(self.tree, lambda name: self.points.letter(name, point))
            except UndefinedError:
                self._values[point] = None
        return self._values[point]


def same_value(a: Valued, b: Valued) -> bool:
    """Return whether two trees agree wherever both have a value: at two points or more, at one without letters."""
    told = 0
    wanted = 1 if a.constant and b.constant else 2
    for point in range(1 if wanted == 1 else POINTS):
        x, y = a.at(point), b.at(point)
        verdict = None if x is None or y is None else numbers.equal(x, y)
        if verdict is False:
            return False
        told += verdict is True
    return told >= wanted


def proportional(a: Valued, b: Valued, positive: bool) -> bool:
    """Return whether one tree is the same multiple of the other at every point: then both make one equation."""
    ratios = []
    for point in range(POINTS):
        x, y = a.at(point), b.at(point)
        if x is not None and y is not None:
            if numbers.equal(y, Fraction(0)) is not False:
                return False
            ratios.append(numbers.divide(x, y))
    if len(ratios) < 2 or any(numbers.equal(ratios[0], ratio) is not True for ratio in ratios):
        return False
    first = numbers.inexact(ratios[0]).z
    return first != 0 and (not positive or (first.real > 0 and abs(first.imag) < 1e-12))


def evaluate(node: Node, letter: Callable[[str], Number]) -> Number:
    """Return a scalar tree's value; raise UndefinedError without one, and UnreadableError for tuples, sets, words and
    numbers beyond 1e308.
    """
    if node.op == "num":
        return node.value
    if node.op == "sym":
        return _VALUES.get(node.name) or letter(node.name)
    if node.op == "based":
        return _based(node)
    args = [evaluate(arg, letter) for arg in node.args]
    if node.op in ("add", "mul"):
        args.sort(
            key=lambda arg: isinstance(arg, Inexact)
        )  # exact ones first, so that 2^60 - 2^60 + pi is pi
        return functools.reduce(numbers.add if node.op == "add" else numbers.multiply, args)
    if node.op == "call":
        return _called(node.name, args)
    if node.op == "fn":
        return _function(node.name, args)
    operation = _OPERATIONS.get(node.op)
    if operation is None:
        raise UnreadableError
    return operation(*args)


def _based(node: Node) -> Number:
    try:
        return Fraction(int(node.name, int(node.value)))
    except ValueError as error:
        raise UnreadableError from error


def _called(name: str, args: list[Number]) -> Number:
    """Return the value of an unknown function: a distinct smooth one for each name."""
    phase = zlib.crc32(name.encode()) % 1000 / 500
    total = 2.0 + phase
    value: Number = Fraction(1)
    for place, arg in enumerate(args):
        speed = 1.3 + place
        value = numbers.multiply(value, numbers.apply(functools.partial(_wave, total, speed, phase), arg))
    return value


def _wave(total: float, speed: float, phase: float, z: complex) -> complex:
    return total + cmath.sin(z * speed + phase)


def _function(name: str, args: list[Number]) -> Number:
    value = args[0]
    if name in ("sin", "tan") and value == 0:
        return Fraction(0)
    if name in ("log", "ln", "lg") and not isinstance(value, Inexact) and value == 0:
        raise UndefinedError
    found = numbers.apply(_PLAIN[name], value)
    return found if len(args) == 1 else numbers.divide(found, numbers.apply(cmath.log, args[1]))


def _absolute(a: Number) -> Number:
    return abs(a) if isinstance(a, Fraction) else Inexact(complex(abs(a.z)), a.error)


def _binomial(n: Number, k: Number) -> Number:
    below = numbers.multiply(
        numbers.factorial(k), numbers.factorial(numbers.add(n, numbers.multiply(Fraction(-1), k)))
    )
    return numbers.divide(numbers.factorial(n), below)


_OPERATIONS: dict[str, Callable[..., Number]] = {
    "div": numbers.divide,
    "inv": lambda a: numbers.divide(Fraction(1), a),
    "neg": lambda a: numbers.multiply(Fraction(-1), a),
    "pow": numbers.power,
    "root": numbers.root,
    "abs": _absolute,
    "floor": lambda a: numbers.whole(a, up=False),
    "ceil": lambda a: numbers.whole(a, up=True),
    "fact": numbers.factorial,
    "binom": _binomial,
    "percent": lambda a: numbers.divide(a, Fraction(100)),
    "degree": lambda a: numbers.multiply(a, Inexact(complex(math.pi / 180), 2e-18)),
    "unit": lambda a: a,
}
