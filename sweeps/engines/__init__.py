"""Where trials run. An engine places work; the run folders alone say what became of it.

engine    what an engine is
options   every option of every engine
registry  the table of engines
local     this machine's pool
cluster   sees orders through by watching run folders
ray       Ray tasks
slurm     Slurm job arrays
"""
