"""Laws that `make test` holds on some examples, and `make acceptance` on many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings


def law(few: int, many: int, **drawn: Any) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """A test of a property of drawn arguments, with so many examples in `make test` and in `make acceptance`."""

    def decorate(holds: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.acceptance)])
        def test(examples: int) -> None:
            settings(max_examples=examples, deadline=None)(given(**drawn)(holds))()

        test.__name__, test.__doc__ = holds.__name__, holds.__doc__
        return test

    return decorate
