"""Exact fractions while they are small, else complex numbers with a bound on the error of their arithmetic."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from sspo.grading.second.node import UnreadableError

MOST_BITS = 8_192
"""Bits of a numerator or denominator; beyond it a number is a float, and beyond 1e308 it is not read."""
UNIT = 4e-16
"""Relative rounding error of one complex operation (twice that of a double)."""
TOLERANCE = 1e-10
"""Relative difference below which two inexact numbers are equal. 1.41421356 is 1.7e-9 from sqrt 2, so another number."""
BLUR = 1e-6
"""Relative error above which an inexact number is meaningless."""


class UndefinedError(Exception):
    """No value at this point; it never leaves the package."""


@dataclass(frozen=True)
class Inexact:
    """A complex number and a bound on its absolute error."""

    z: complex
    error: float


Number = Fraction | Inexact


def inexact(number: Number) -> Inexact:
    """Return the number as floats; raise UnreadableError beyond their range."""
    if isinstance(number, Inexact):
        return number
    try:
        z = complex(number)
    except OverflowError as error:
        raise UnreadableError from error
    return Inexact(z, UNIT * abs(z))


def rounded(z: complex, error: float) -> Inexact:
    """Return a result with the error of its last operation added."""
    if not (cmath.isfinite(z) and math.isfinite(error)):
        raise UndefinedError
    return Inexact(z, error + UNIT * abs(z))


def _small(number: Fraction) -> Number:
    bits = max(number.numerator.bit_length(), number.denominator.bit_length())
    return number if bits <= MOST_BITS else inexact(number)


def add(a: Number, b: Number) -> Number:
    """Return a + b."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _small(a + b)
    x, y = inexact(a), inexact(b)
    return rounded(x.z + y.z, x.error + y.error)


def multiply(a: Number, b: Number) -> Number:
    """Return a b."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _small(a * b)
    x, y = inexact(a), inexact(b)
    return rounded(x.z * y.z, abs(x.z) * y.error + abs(y.z) * x.error)


def divide(a: Number, b: Number) -> Number:
    """Return a / b."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        if b == 0:
            raise UndefinedError
        return _small(a / b)
    x, y = inexact(a), inexact(b)
    if abs(y.z) <= y.error:
        raise UndefinedError
    quotient = x.z / y.z
    return rounded(quotient, (x.error + abs(quotient) * y.error) / abs(y.z))


def power(a: Number, b: Number) -> Number:
    """Return a to the b, the principal value; exact for whole exponents and for square roots of squares."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        exact = _exact_power(a, b)
        if exact is not None:
            return exact
    x, y = inexact(a), inexact(b)
    if x.z == 0:
        if y.z.real <= 0:
            raise UndefinedError
        return Fraction(0)
    try:
        z = x.z**y.z
    except OverflowError as error:
        raise UnreadableError from error
    return rounded(z, abs(z) * (abs(y.z) * x.error / abs(x.z) + abs(cmath.log(x.z)) * y.error))


def _exact_power(a: Fraction, b: Fraction) -> Number | None:
    bits = max(a.numerator.bit_length(), a.denominator.bit_length())
    if b.denominator == 1:
        if a in (0, 1, -1) or bits * abs(b) <= MOST_BITS:
            if a == 0 and b <= 0:
                raise UndefinedError
            return Fraction(
                a ** (b.numerator % 2) if abs(a) == 1 else Fraction(0) if a == 0 else a**b.numerator
            )
        return None
    if b.denominator == 2 and a >= 0 and bits * abs(b.numerator) <= MOST_BITS:
        top, below = math.isqrt(a.numerator), math.isqrt(a.denominator)
        if top * top == a.numerator and below * below == a.denominator:
            return _exact_power(Fraction(top, below), Fraction(b.numerator))
    return None


def root(a: Number, degree: Number) -> Number:
    """Return the root; for a negative number with an odd whole degree, the real one."""
    if isinstance(degree, Fraction) and degree.denominator == 1 and degree % 2 == 1:
        x = inexact(a)
        if abs(x.z.imag) <= x.error and x.z.real < 0:
            return multiply(Fraction(-1), power(multiply(Fraction(-1), a), divide(Fraction(1), degree)))
    return power(a, divide(Fraction(1), degree))


def apply(function: Callable[[complex], complex], a: Number) -> Number:
    """Return a smooth function's value; its slope, found from a small step, propagates the error."""
    x = inexact(a)
    try:
        z = function(x.z)
        step = 1e-7 * max(abs(x.z), 1e-3)
        slope = abs(function(x.z + step) - z) / step
    except OverflowError as error:
        raise UnreadableError from error
    except (ValueError, ZeroDivisionError) as error:
        raise UndefinedError from error
    return rounded(z, slope * x.error)


def factorial(a: Number) -> Number:
    """Return a!, by the gamma function if a is not a small whole number."""
    if isinstance(a, Fraction) and a.denominator == 1:
        if a < 0:
            raise UndefinedError
        if a <= 700:
            return _small(Fraction(math.factorial(int(a))))
        raise UnreadableError
    x = inexact(a)
    if abs(x.z.imag) > x.error:
        raise UndefinedError
    return apply(lambda z: complex(math.gamma(z.real + 1)), Inexact(complex(x.z.real), x.error))


def whole(a: Number, up: bool) -> Number:
    """Return the next whole number below, or above; a number within 1e-9 of a whole number is that number."""
    if isinstance(a, Fraction):
        return Fraction(math.ceil(a) if up else math.floor(a))
    if abs(a.z.imag) > a.error + 1e-12:
        raise UndefinedError
    nearest = round(a.z.real)
    if abs(nearest - a.z.real) <= 1e-9 * max(1.0, abs(a.z.real)):
        return Fraction(nearest)
    return Fraction(math.ceil(a.z.real) if up else math.floor(a.z.real))


def equal(a: Number, b: Number) -> bool | None:
    """Return whether two numbers are the same, or None if their errors are too large to decide."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    try:
        x, y = inexact(a), inexact(b)
    except UnreadableError:
        return False
    size = max(abs(x.z), abs(y.z))
    if abs(x.z - y.z) > max(TOLERANCE * size, 4 * (x.error + y.error)):
        return False
    return None if size > 0 and x.error + y.error > max(BLUR * size, 1e-12) else True
