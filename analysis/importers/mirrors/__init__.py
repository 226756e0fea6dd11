"""Studies of ours made from the W&B mirrors of their runs alone.

read     one mirror: configuration, history and end
answers  its tables of answers and its means while training
runs     mirrors to runs, equal to those of run folders
plan     the study that the mirrors belong to
study    mirrors to compact logs
"""
