"""When a run is evaluated, the same for every backend."""

from __future__ import annotations

from typing import NamedTuple

from sspo.config import TrainConfig


class Due(NamedTuple):
    """The evaluations that are due; false if none is."""

    curve: bool
    """A point of the accuracy curve."""
    last: bool
    """The scores of the last step."""

    def __bool__(self) -> bool:
        return self.curve or self.last


def due_after(config: TrainConfig, rollouts: int) -> Due:
    """Return the evaluations that are due after so many rollouts."""
    every = config.evaluation.every
    return Due(
        curve=bool(every) and rollouts % every == 0,
        last=rollouts == config.trainer.rollouts,
    )
