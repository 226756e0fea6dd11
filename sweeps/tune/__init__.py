"""Tuning of a study's arms under one budget each, and the confirmation of every arm at its own chosen point.

searches  the search of every arm
arm       the driver of one arm: its budget, its costs, its earlier trials
drivers   the drivers of all arms as one
spent     what the runs of a trial cost
record    the record and the manifest, rewritten whenever a trial starts or settles
checks    refusals before any work
rounds    trials on engines other than this machine's pool
choice    the point that each arm is confirmed at
run       `sweeps run` of a study with `tune`
"""
