"""DAPO's soft overlong punishment (arXiv 2503.14476 equation 13): long responses lose reward before they are truncated."""

from __future__ import annotations


def overlong_share(tokens: int, limit: int, buffer: int) -> float:
    """Return the share of the penalty, 0 to 1, for a response of a number of tokens: it starts `buffer` tokens before
    the limit.

    The paper's equation is the negative of this; its L_max is the limit and its L_cache the buffer. A truncated
    response has the limit's length and gets the full penalty. A buffer of 0 means no penalty.
    """
    if buffer == 0:
        return 0.0
    return min(max((tokens - (limit - buffer)) / buffer, 0.0), 1.0)
