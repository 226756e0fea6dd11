"""Replay: clip fractions of any objective, rule and grid of bounds on recorded rollouts, without training.

request     a parsed command line
arguments   its words
source      a recorded run on disk
fidelity    checks that a run is complete and reproduces its log
evaluate    rollouts under curves, in several processes
tally       clipping at every bound of a grid
matching    bounds that clip equally often
rules       rules by the options that they read
table       the table, and its rows as they come
grad_noise  gradient noise and its column
law         how squared log-ratios grow with entropy
summary     replay.json and the printed summary
snippet     calibrated arms for a study
"""
