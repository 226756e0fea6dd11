"""Searches: Optuna suggests cells, the pool trains them, the store keeps them. Optuna is imported when one runs.

spec       the contents of a spec
load       reads conf/search
checks     refusals of a spec
space      from a point to Optuna and to overrides
cells      from a point to its cell and runs
corners    refuses a space with impossible ends
samplers   samplers and pruners
sequence   points that depend on no result
storage    Optuna's storage of a search
history    counts of a search's trials
driver     ask, report, tell
stream     the pool, fed one suggestion at a time
run        `sweeps search`
board      its live board
outcome    its result
export     `sweeps export-optuna`
arguments  recognizes commands about a search
command    those commands
"""
