"""The origin of each number, and whether any of its inputs has changed.

record     provenance.json and the sentences of the pages
traces     the origin of figures and sections
sources    digests of the run folders behind them
freshness  whether a report and its compact logs match their inputs as they are now
"""
