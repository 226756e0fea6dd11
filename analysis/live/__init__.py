"""`python -m analysis dashboard`: a study while it runs.

dashboard       the server and its responses
bounded_server  HTTP for one browser
study           states, failures and curves of a store as it is now
runs            one run folder as it is now
logs            logs that are still being written
leases          the worker that holds a run
config          the settings that the dashboard reads from configurations
curves          the curves
run_page        the page of single runs
page            the page, rendered from templates/
"""
