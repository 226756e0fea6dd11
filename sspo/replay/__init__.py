"""Recorded rollouts answer clip questions: any objective, segmentation rule and grid of bounds, without training.

request       what a command line asks
arguments     its words
source        a recorded run on disk
trust         whose code may run
check         is it whole
exact         its own objective gives back its log
passes        all rollouts, in several processes
evaluate      one rollout under one curve
tally         clipping at every bound of a grid
matching      bounds that clip equally often
rules         rules by the options they read
table         the table
rows          its rows as they come
noise         gradient noise
noise_column  its column
head          replay.json
summary       what is printed
snippet       calibrated arms for a study
"""
