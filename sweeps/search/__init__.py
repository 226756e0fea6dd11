"""Searches: Optuna suggests cells, the pool trains them, the store keeps them. Optuna is imported when one runs.

spec.py     what a search is          load.py      reads one from conf/search/     checks.py   what it must not say
space.py    parameters -> overrides   corners.py   refuses a space that no run can have, before any work
cells.py    one suggestion -> runs    score.py     run folder -> primary score and accuracy curve
samplers.py who suggests and prunes   storage.py   journal file or database        history.py  what trials say
driver.py   ask, report, tell         stream.py    the pool, fed one suggestion at a time
run.py      searches                  outcome.py   the best, and how to confirm it  export.py   a study as Optuna trials
"""
