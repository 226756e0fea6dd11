"""The metrics that a run may log. No torch here.

glossary  every key, with unit, reduction, meaning and direction
metric    observations that merge
at_k      pass@k and maj@k
wilson    an interval for a share
percent   a share as text, in percent
held      which clip fractions count as their target
law       names of what a replay estimates, and which shape of a bound fits
raised    numbers in raised digits
replayed  the counts of a replay, and the shares of these counts
page      docs/metrics.md
"""

from sspo.metrics.glossary import (
    APART,
    GLOSSARY,
    MIN_ELIGIBLE,
    OPTION_KEYS,
    PERCENTILES,
    POLICY_KEYS,
    ROLLOUT_KEYS,
    SHARES,
    TIMING_KEYS,
    Entry,
    Share,
    entry_of,
)
from sspo.metrics.metric import Metric, merge_all, observe

__all__ = [
    "APART",
    "GLOSSARY",
    "MIN_ELIGIBLE",
    "OPTION_KEYS",
    "PERCENTILES",
    "POLICY_KEYS",
    "ROLLOUT_KEYS",
    "SHARES",
    "TIMING_KEYS",
    "Entry",
    "Metric",
    "Share",
    "entry_of",
    "merge_all",
    "observe",
]
