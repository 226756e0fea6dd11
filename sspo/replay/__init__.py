"""Recorded rollouts answer clip questions: any objective, segmentation rule and grid of bounds, without training.

request     what a command line asks
arguments   its words
source      a recorded run on disk
fidelity    whether a run is whole and its own objective gives back its log
evaluate    rollouts under curves, in several processes
tally       clipping at every bound of a grid
matching    bounds that clip equally often
rules       rules by the options they read
table       the table, and its rows as they come
grad_noise  gradient noise and its column
summary     replay.json, and what is printed
snippet     calibrated arms for a study
"""
