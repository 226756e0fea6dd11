"""The law of entropy: does the squared log-ratio grow in proportion to the entropy of the policy that sampled?

cells      a rollout's units, as sums by optimizer step, length and entropy
power_law  the estimator: power laws whose scale is free for every optimizer step
estimates  exponents of a run, its regression line and its bins
shapes     fixed, square-root and linear bounds on held-out runs
record     the law of all rules, for replay.json
summary    its printed table and its sentence
"""
