"""What the loss saw of a rollout, kept.

recorded  a rollout in memory
file      on disk
ratios    under an objective
"""
