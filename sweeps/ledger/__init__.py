"""The state of a trial in the store, and which process may write to it.

state    the state of a trial, from its run folder
leases   numbered files that record which process holds a trial
lock     one controller at a time
machine  the identity of this machine, and whether a process is alive
store    whether the store is writable and has enough space
score    the score and the curve of a run
"""
