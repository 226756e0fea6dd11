"""A second opinion on differences between arms: arms, runs and questions in one Bayesian model (docs/hierarchy.md).

answers    right answers a run and question
abilities  one number a run with its error, given how hard the questions are
model      the model and its sampler; the only file that imports NumPyro
opinion    draws to differences, and whether they may be trusted
shown      the opinion as a table
command    `hierarchy`
"""
