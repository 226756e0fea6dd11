"""What is known of a set that has a name: where the hub has it, its splits and columns, and where its right answers stand."""

from __future__ import annotations

from dataclasses import dataclass, field

from sspo.questions.columns import Columns


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """A set of questions with a name."""

    hub: str
    """Its id on the Hugging Face hub."""
    config: str | None = None
    """Its configuration there; null is the only one, or the default."""
    revision: str | None = None
    """The commit there, where a public source says which one to take; null takes what the lock says, and at first the newest."""
    columns: Columns = field(default_factory=Columns)
    gold: str = "plain"
    """A name of sspo.questions.golds.GOLDS."""
    only: tuple[str, ...] = ()
    """A column and the values of it that count; empty takes every row."""
    test: str | None = "test"
    """The split to evaluate on; null where there is none."""
    train: str | None = None
    """The split to train on; null for a benchmark, which nobody should train on."""
