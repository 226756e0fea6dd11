"""`sweeps replay`: a study's recorded runs under different clip bounds.

replay      the command
recordings  the run folders that it reads
"""
