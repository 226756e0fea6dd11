"""Recordings of the loss's inputs in a rollout.

recorded  a rollout in memory
file      on disk
ratios    under an objective
"""
