"""What all reports say together, from their compact logs alone: `python -m analysis index` writes reports/index.html and index.md.

studies   a report as a line: its answer, and how many tests and looks it took
shared    runs that several studies list
index     the page, for a browser and for GitHub
"""
