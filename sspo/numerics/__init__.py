"""Comparison of this code's numbers with its parent's, run by `make same-numbers`. The key itself:
sspo/runs/code_key.py.

compare       two probes side by side
probe         everything that is compared
probe_losses  loss and gradient of every objective
probe_rules   ids of every rule
probe_runs    whole runs that take seconds
"""
