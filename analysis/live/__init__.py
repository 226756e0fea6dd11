"""`python -m analysis dashboard`: a study while it runs.

dashboard       the server and what it answers
bounded_server  HTTP for one browser
study           states, failures and curves of a store as it is now
runs            one run folder as it is now
logs            logs that are being written
leases          who works on a run
config          what the dashboard reads of configurations
curves          the curves
run_page        the page of single runs
page            the page, filled into templates/
"""
