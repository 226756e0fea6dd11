"""Tuning: every tuned arm of a study is a search of its own, on pilot seeds, under one budget; then each is confirmed at its chosen point.

searches  from an arm to its search
default   an arm's own values as a point of its space
arm       the driver of one arm: its budget, its costs, its earlier trials
drivers   the drivers of all arms as one
spent     what the runs of a trial cost
journal   Optuna's history of a tuning
record    the record and the manifest, rewritten whenever a trial starts or settles
checks    refusals before any work
rounds    trials on engines other than this machine's pool
choice    the point that each arm is confirmed at
run       `sweeps run` of a study with `tune`
"""
