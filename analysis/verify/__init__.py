"""`python -m analysis verify`, `anchor` and `why`: checks a report against its logs, and a number against its
runs.

anchor       a report's digests, to be kept elsewhere
verify       checks that every byte is unchanged
spec         compares the study's spec of today with the planned one
remade       compares a report with one made again
table_lines  finds the cells that differ between two tables
touched      finds the numbers that depend on given streams
why          shows the formula and the runs behind a number
"""
