"""What a run may log. No torch here.

glossary  every key, with unit, reduction, meaning and direction
metric    observations that merge
page      docs/metrics.md
"""

from sspo.metrics.glossary import (
    GLOSSARY,
    MIN_ELIGIBLE,
    OPTION_KEYS,
    PERCENTILES,
    POLICY_KEYS,
    RARE_KEYS,
    ROLLOUT_KEYS,
    TIMING_KEYS,
    Entry,
)
from sspo.metrics.metric import Metric, merge_all, observe

__all__ = [
    "GLOSSARY",
    "MIN_ELIGIBLE",
    "OPTION_KEYS",
    "PERCENTILES",
    "POLICY_KEYS",
    "RARE_KEYS",
    "ROLLOUT_KEYS",
    "TIMING_KEYS",
    "Entry",
    "Metric",
    "merge_all",
    "observe",
]
