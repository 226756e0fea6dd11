"""Tail of the studentized range, by quadrature: the distribution of Tukey's and Games and Howell's tests.

scipy.stats has it too, ten times slower and behind the import of all its distributions.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

SCALES, PLACES = 384, 192
"""Points of the trapezoidal rules. Both integrands are smooth and fall to nothing at their ends, where the rule converges
faster than any power of their number; tests hold the tail to 1e-9."""
FAR = 9.0
"""Standard deviations, beyond which a normal density adds nothing to a double."""
BEYOND = 1e-15
"""Share of the scale's distribution that is left out at either end."""


def upper_tail(q: float, groups: int, df: float) -> float:
    """P(Q > q) of the range of `groups` standard normals over an independent sqrt(chi-square of df / df).

    With s that scale: 1 - E_s[ groups * integral of phi(z) (Phi(z) - Phi(z - q s))^(groups - 1) dz ] (Tukey 1953; Copenhaver
    and Holland 1988). The rule runs over log s. Raises ValueError unless q >= 0, groups >= 2 and df > 0.
    """
    if not (q >= 0 and groups >= 2 and df > 0):
        raise ValueError(f"no studentized range with q {q}, {groups} groups and {df} degrees of freedom")
    if math.isinf(q):
        return 0.0
    least, most = 0.5 * np.log(special.chdtri(df, [1 - BEYOND, BEYOND]) / df)
    log_s = np.linspace(float(least), float(most), SCALES)
    s = np.exp(log_s)
    density = 2 * np.exp(df / 2 * math.log(df / 2) - special.gammaln(df / 2) + df * (log_s - s * s / 2))
    z = np.linspace(-FAR, FAR, PLACES)
    phi = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    within = special.ndtr(z) - special.ndtr(z - q * s[:, None])
    below = groups * (z[1] - z[0]) * (within ** (groups - 1) @ phi)
    tail = float((log_s[1] - log_s[0]) * (density @ (1 - below)))
    return min(max(tail, 0.0), 1.0)
