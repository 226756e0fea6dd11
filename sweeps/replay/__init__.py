"""`sweeps replay`: a study's recorded runs under other clip bounds.

replay      the command
recordings  which run folders it reads
"""
