"""The index of all reports, from their compact logs alone: `python -m analysis index` writes reports/index.html and index.md.

studies   one line per report: its answer, and the number of its tests and looks
shared    runs that several studies list
index     the page, for a browser and for GitHub
"""
