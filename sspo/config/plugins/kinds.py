"""The kinds of rows that a user may add: the kind's name, the options that take a row's name, and the form of a row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of row."""

    word: str
    keys: tuple[str, ...]
    """Options that take a name; messages use the first one."""
    exports: str = "function"
    """The kind of object that a file defines under the row's name."""

    @property
    def group(self) -> str:
        """Return the group of its entry points, such as `sspo.rewards`."""
        return f"sspo.{self.word}s"


KINDS = {
    kind.word: kind
    for kind in (
        Kind(word="objective", keys=("objective",), exports="ObjectiveConfig"),
        Kind(word="term", keys=("objective.term",)),
        Kind(
            word="rule",
            keys=("segmentation.rule", "segmentation.random_like", "segmentation.fixed_like", "segmentation"),
        ),
        Kind(word="task", keys=("task.name", "task")),
        Kind(word="reward", keys=("reward.name", "reward.also", "reward")),
        Kind(word="importer", keys=("--importer",), exports="Importer"),
    )
}
OF_GROUP = {"objective": "objective", "segmentation": "rule", "task": "task", "reward": "reward"}
"""The kind whose names a group of options selects, as in `reward=NAME`."""
