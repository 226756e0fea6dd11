"""What people see of a sweep and ask of it.

board      what the pool shows
live_view  the live table
status     `sweeps status`
plan_view  `sweeps plan`
expected_view  its table of what trials take
show       `sweeps show`
runs       `sweeps runs`
studies    `sweeps studies`
revisions  code and packages of finished runs
requests   pause, resume, stop, retry: a word in a file
terminal   where commands print; durations and lists
"""
