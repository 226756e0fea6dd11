"""One rule per study: what may be tested, by which test, and what was found. Tables, figures and claims read it and decide nothing.

rule        the level and the pairing, as the study's registration sets them
compare     two arms by either test
above_base  every arm against the untrained base
collapses   the number of collapsed runs of every arm
findings    every arm on the primary metric: difference, Holm's p and interval, bold, and the assumption that a finding needs
"""
