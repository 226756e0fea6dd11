"""Statistics whose unit of replication is the training run. Numbers in, floats or frozen dataclasses out.

intervals          of one group of runs
comparisons        differences between arms, and their correction
families           Holm with matching intervals, and which arms could be the best
sign_flips         joint sign flips of paired differences
common_spread      comparisons for studies with collapsed runs
contrasts          several comparisons as one number, and whether they differ
words              one word for an interval, and the chance of each word
judgment           one word for a claim
known_failures     where simulated studies err in more than five percent, whatever the rule
permutation        sign flips of one difference
factorial          main effects and interactions
bootstrap          resampled runs
standing           a group against a level with an error, in standard deviations, the best of several, areas
evaluation         one run's score and its error
questions          scores and differences over questions, given the runs
power              effects that a number of seeds can show
tuning             what pilot runs say about options: a smooth fit, the chosen point, curves
"""

from analysis.statistics.bootstrap import (
    bootstrap_interval,
    improvement,
    iqm,
    iqm_interval,
    mean_score,
    named_rng,
    probability_of_improvement,
)
from analysis.statistics.comparisons import (
    Comparison,
    fisher_p,
    holm,
    paired_error,
    paired_t,
    two_sided_p,
    welch,
    welch_error,
)
from analysis.statistics.evaluation import (
    EvaluationError,
    avg_at_k,
    avg_at_k_interval,
    evaluation_error,
    pass_at_k_interval,
)
from analysis.statistics.factorial import (
    Effect,
    factorial_effects,
)
from analysis.statistics.intervals import (
    Interval,
    clopper_pearson,
    half_widths,
    share_interval,
    t_interval,
)
from analysis.statistics.permutation import (
    Permutation,
    permute_pairs,
)
from analysis.statistics.power import (
    detectable_effect,
    power_of,
    seeds_needed,
)
from analysis.statistics.questions import (
    QuestionComparison,
    paired_by_question,
    question_error,
)
from sspo.metrics.at_k import maj_at_k, majority, pass_at_k

__all__ = [
    "Comparison",
    "Effect",
    "EvaluationError",
    "Interval",
    "Permutation",
    "QuestionComparison",
    "avg_at_k",
    "avg_at_k_interval",
    "bootstrap_interval",
    "clopper_pearson",
    "detectable_effect",
    "evaluation_error",
    "factorial_effects",
    "fisher_p",
    "half_widths",
    "holm",
    "improvement",
    "iqm",
    "iqm_interval",
    "maj_at_k",
    "majority",
    "mean_score",
    "named_rng",
    "paired_by_question",
    "paired_error",
    "paired_t",
    "pass_at_k",
    "pass_at_k_interval",
    "permute_pairs",
    "power_of",
    "probability_of_improvement",
    "question_error",
    "seeds_needed",
    "share_interval",
    "t_interval",
    "two_sided_p",
    "welch",
    "welch_error",
]
