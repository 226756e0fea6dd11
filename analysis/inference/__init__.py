"""One rule a study: what may be tested, by which test, and what was found. Tables, figures and claims read it and decide nothing.

rule        the level, the pairing and what the study's registration says of them
compare     two arms by either test
above_base  every arm against the untrained base
collapses   how many runs of every arm collapsed
findings    every arm on the primary metric: difference, Holm's p and interval, bold, and what a finding rests on
"""
