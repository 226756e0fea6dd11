"""Studies of ours made from the W&B mirrors of their runs alone.

read     one mirror: configuration, history and how it ended
answers  its tables of answers and its means while training
runs     mirrors to runs as run folders give them
plan     which study the mirrors are of
study    compact logs out of it all
"""
