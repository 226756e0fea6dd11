"""A rate that was counted in simulated studies, and whether it can be one of five percent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.intervals import clopper_pearson

LEVEL = 0.99
MOST = 0.055
"""An error rate fails where the lower end of its 99 % interval lies above."""


@dataclass(frozen=True)
class Rate:
    """So many of the studies."""

    count: int
    studies: int

    @classmethod
    def of(cls, event_S: NDArray[np.bool_]) -> Rate:
        """Over studies."""
        return cls(int(event_S.sum()), event_S.size)

    @classmethod
    def worst(cls, event_SA: NDArray[np.bool_]) -> Rate:
        """The largest over columns."""
        return max((cls.of(event_S) for event_S in event_SA.T), key=lambda rate: rate.count)

    @property
    def share(self) -> float:
        """Of the studies."""
        return self.count / self.studies

    @property
    def bounds(self) -> tuple[float, float]:
        """The exact 99 % interval of the share."""
        found = clopper_pearson(self.count, self.studies, LEVEL)
        assert found.low is not None
        assert found.high is not None
        return found.low, found.high

    @property
    def fails(self) -> bool:
        """As an error rate that should be at most five percent."""
        return self.bounds[0] > MOST
