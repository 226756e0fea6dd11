"""One content of each file for the length of a run: the code that runs is the code that named the cell."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

Value = TypeVar("Value")
_holding: list[dict[object, object]] = []


@contextlib.contextmanager
def held_files() -> Iterator[None]:
    """Read each user file once inside this block, whatever an editor does to it in the meantime."""
    _holding.append({})
    try:
        yield
    finally:
        _holding.pop()


def once(key: object, make: Callable[[], Value]) -> Value:
    """Return the result of `make`; inside held_files, its first result for the key."""
    if not _holding:
        return make()
    held = _holding[-1]
    if key not in held:
        held[key] = make()
    return held[key]  # type: ignore[return-value]
