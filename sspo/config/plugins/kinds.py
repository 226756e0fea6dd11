"""What a user may add: the kind's name, the options that take a row's name, and what a row is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RowKind:
    """One kind of row."""

    word: str
    keys: tuple[str, ...]
    """Where a name is given; the first one stands in messages."""
    exports: str = "function"
    """What a file defines under the row's name."""

    @property
    def group(self) -> str:
        """The group of its entry points, as in `sspo.rewards`."""
        return f"sspo.{self.word}s"


KINDS = {
    kind.word: kind
    for kind in (
        RowKind(word="objective", keys=("objective",), exports="ObjectiveConfig"),
        RowKind(word="term", keys=("objective.term",)),
        RowKind(
            word="rule",
            keys=("segmentation.rule", "segmentation.random_like", "segmentation.fixed_like", "segmentation"),
        ),
        RowKind(word="task", keys=("task.name", "task")),
        RowKind(word="reward", keys=("reward.name", "reward.also", "reward")),
        RowKind(word="importer", keys=("--importer",), exports="Importer"),
    )
}
OF_GROUP = {"objective": "objective", "segmentation": "rule", "task": "task", "reward": "reward"}
"""The kind whose names a group of options chooses from, as in `reward=NAME`."""
