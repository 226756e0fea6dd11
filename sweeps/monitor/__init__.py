"""Views of a sweep for users, and their control requests.

board      the state of a pool for its view
live_view  the live table
status     `sweeps status`
tuning     its tables of a tuning
plan_view  `sweeps plan`
plan_tuning  its lines on tuning
expected_view  its table of memory and time per trial
show       `sweeps show`
runs       `sweeps runs`
studies    `sweeps studies`
revisions  code and packages of finished runs
requests   control requests: one word in a file
terminal   the console of all commands; durations and lists
"""
