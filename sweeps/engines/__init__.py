"""Where trials run. An engine places work; the run folders alone say what became of it.

options.py   every option of every engine      engine.py    what an engine is, and the table of them
local.py     this machine's worker pool        placing.py   sees orders through on a cluster, by watching the ledger
ray.py       a trial is a Ray task             slurm.py     a trial is an element of a Slurm job array, by submitit
"""
