"""The description of a named set: its location on the hub, its splits and columns, and the form of its right answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from sspo.questions.columns import Columns


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """A set of questions with a name."""

    hub: str
    """Its id on the Hugging Face hub."""
    config: str | None = None
    """Its configuration there; null for the only one, or the default."""
    revision: str | None = None
    """The commit there, if a public source states one; null uses the lock's, and initially the newest."""
    columns: Columns = field(default_factory=Columns)
    gold: str = "plain"
    """A key of sspo.questions.golds.GOLDS."""
    only: tuple[str, ...] = ()
    """A column and the values of it that count; empty uses every row."""
    test: str | None = "test"
    """The split to evaluate on; null if there is none."""
    train: str | None = None
    """The split to train on; null for a benchmark, which must not be trained on."""
