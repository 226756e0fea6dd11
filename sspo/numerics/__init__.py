"""Does this code give its parent's numbers? `make same-numbers`. The key itself: sspo/runs/code_key.py.

compare       two probes side by side
probe         all that is compared
probe_losses  loss and gradient of every objective
probe_rules   ids of every rule
probe_runs    whole runs of seconds
"""
