"""Expansion of a study and a preset into cells and trials, with their cost.

arms          from an arm of a preset to its cell
plan          a study's arms and trials
tuned         the record of a study's tuning
awaited       pilot runs that tuning has yet to start
manifest      the manifest that analysis reads
promises      what a study fixes before it runs
registered    a plan compared with its registration
carried       the record of its plan that each run folder carries
dropped_arms  arms that a study no longer has
stale         runs finished by code with different numbers
workload      how much work a run is
sampling      whether rollouts can be sampled here
expected      memory and time of trials that have not run, from their model's shape
finished      a finished trial: time and cost
learned       corrections of the cost model from finished trials
cost          time and cost of a plan, from finished trials and the cost model
budget        a preset's budget
pace          time left
power         statistical power of a study before it runs
devices       how many trials run at a time
"""
