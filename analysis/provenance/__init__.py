"""Where numbers come from, and whether anything they were made from has changed.

record     provenance.json and the sentences of the pages
traces     where figures and sections come from
sources    digests of the run folders behind them
freshness  whether a report and its compact logs are what their inputs would give again
"""
