"""A study and a preset become cells and trials, with their cost.

plan          arms, cells, trials
manifest      the manifest that analysis reads
promises      what a study fixes before it runs
registered    a plan beside its registration
carried       what runs carry of the plan that ordered them
dropped_arms  arms that a study no longer has
stale         runs finished by code with other numbers
workload      how much work a run is
sampling      whether rollouts can be sampled here
expected      what trials take that nobody has run, from their model's shape
finished      a finished trial: time and cost
learned       what finished trials make of the cost model
cost          what finished trials and the cost model say of time and cost
budget        a preset's budget
pace          time left
power         what the study will be able to tell
devices       how many trials at a time
"""
