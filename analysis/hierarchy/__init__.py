"""A second opinion on differences between arms: arms, runs and questions in one Bayesian model (docs/hierarchy.md).

answers    right answers per run and question
abilities  one number per run with its error, given the difficulty of the questions
model      the model and its sampler; the only file that imports NumPyro
opinion    draws to differences, and whether the draws can be trusted
shown      the opinion as a table
command    `hierarchy`
"""
