"""Searches: Optuna suggests cells, the pool trains them, the store keeps them. Optuna is imported when one runs.

spec       what a search is
load       reads conf/search
checks     what a spec must not say
options    types of training options
space      parameters to overrides
cells      a point to its cell and runs
corners    refuses a space with impossible ends
samplers   who suggests and who prunes
storage    where Optuna keeps a search
history    what its trials say
driver     ask, report, tell
stream     the pool, fed one suggestion at a time
run        `sweeps search`
board      what it shows
outcome    what it has found
export     `sweeps export-optuna`
arguments  which commands are about a search
command    those commands
"""
