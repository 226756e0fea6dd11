"""Run folders and a study manifest in; tables, plots, gates and a report out. No torch. The rooms, lowest first: one imports only those above it.

logs             run folders to compact logs to tables
statistics       intervals, tests, effects
registration     what was fixed before the runs
text             numbers and tables as safe text
evidence         tables to one number per run
inference        the one rule of a study, and what it finds
checks           gates and warnings
claims           hypotheses and verdicts
importers        logs of other tools
tables           one table per file
figures          every figure, printed and on the page
answer           what a report answers in one minute
content          what a report says
provenance       where numbers come from
pages            index.html and index.md
report           the order
replay_report    a replay's report
across           `index`: what all reports say together
verify           `verify` and `why`
single_runs      `run`
live             `dashboard`
evaluations      `evaluate`
hierarchy        `hierarchy`: a second opinion, whose library only its own environment has
import_commands  `import` and `table`
refusals         what the system refused, as one sentence
"""
