"""DAPO's soft overlong punishment (arXiv 2503.14476 equation 13): long responses lose reward before they are cut."""

from __future__ import annotations


def overlong_share(tokens: int, limit: int, buffer: int) -> float:
    """How much of the penalty a response of so many tokens takes, 0 to 1: it begins `buffer` tokens before the limit.

    The paper's equation is minus this; its L_max is the limit and its L_cache the buffer. A response that was cut has the
    limit's length, and takes all of it. A buffer of 0 is no penalty.
    """
    if buffer == 0:
        return 0.0
    return min(max((tokens - (limit - buffer)) / buffer, 0.0), 1.0)
