"""What the store says of a trial, and who may write to it.

state    the state of a trial, from its run folder
leases   numbered files that say which process holds a trial
lock     one controller at a time
machine  which machine this is, and whether a process lives
store    can the store take what is to be written
score    the score and the curve of a run
"""
