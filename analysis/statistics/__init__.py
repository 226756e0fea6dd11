"""Statistics whose unit of replication is the training run. Numbers in, floats or frozen dataclasses out."""

from analysis.statistics.comparisons import (
    Comparison,
    fisher_p,
    games_howell,
    games_howell_p,
    holm,
    indistinguishable_from_best,
    paired_t,
    welch,
)
from analysis.statistics.evaluation import EvaluationError, avg_at_k, evaluation_error, pass_at_k
from analysis.statistics.intervals import Interval, clopper_pearson, t_interval
from analysis.statistics.power import detectable_effect, seeds_needed, smallest_permutation_p

__all__ = [
    "Comparison",
    "EvaluationError",
    "Interval",
    "avg_at_k",
    "clopper_pearson",
    "detectable_effect",
    "evaluation_error",
    "fisher_p",
    "games_howell",
    "games_howell_p",
    "holm",
    "indistinguishable_from_best",
    "paired_t",
    "pass_at_k",
    "seeds_needed",
    "smallest_permutation_p",
    "t_interval",
    "welch",
]
