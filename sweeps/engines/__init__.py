"""Engines, which place trials where they run; only the run folders record the result.

engine    the interface of an engine
options   every option of every engine
registry  the table of engines
local     this machine's pool
cluster   completes orders by watching run folders
ray       Ray tasks
slurm     Slurm job arrays
"""
