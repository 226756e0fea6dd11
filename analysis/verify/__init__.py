"""`python -m analysis verify`, `anchor` and `why`: a report held against its logs, and a number against its runs.

anchor       a report's digests, to be kept elsewhere
verify       is every byte what it was
spec         the study's spec of today beside the one that was planned
remade       a report beside one that is made again
table_lines  which cells of two tables differ
touched      which numbers rest on given streams
why          the formula and the runs behind a number
"""
