"""Reports made from run folders and a study manifest: tables, plots, gates and pages. Does not import torch.

Rooms, lowest first; each imports only rooms above it:

logs             run folders to compact logs to tables
statistics       intervals, tests, effects
registration     what was fixed before the runs started
text             numbers and tables as safe text
evidence         tables reduced to one number per run
inference        the one statistical rule of a study, and its findings
checks           gates and warnings
claims           hypotheses and verdicts
importers        logs of other tools
tables           one file per table
figures          every figure, for print and for the page
answer           the first screen: a one-minute answer
content          the contents of a report
provenance       the origin of each number
pages            index.html and index.md
report           the order in which a report is made
replay_report    the report of a replay
across           `index`: one page over all reports
verify           `verify` and `why`
single_runs      `run`
live             `dashboard`
evaluations      `evaluate`
hierarchy        `hierarchy`: a second opinion; its library is installed only in its own environment
import_commands  `import` and `table`
refusals         one sentence per system error
"""
