"""An interval for a share of questions."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(events: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a binomial share (Wilson, 1927). Raises ValueError unless 0 <= events <= n and
    n > 0.
    """
    if not 0 <= events <= n or n == 0:
        raise ValueError(f"{events} events of {n}")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, weight = events / n, z * z / n
    middle = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    low, high = (middle - half) / (1 + weight), (middle + half) / (1 + weight)
    return (0.0 if events == 0 else low), (1.0 if events == n else high)
