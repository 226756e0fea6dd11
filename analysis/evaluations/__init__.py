"""Side-by-side evaluations of any tool: `python -m analysis evaluate`.

named    the given evaluations, and their names
scores   one evaluation under one decoding
paired   two evaluations, question by question
flags    caveats of a comparison
tables   both tables
command  the command
"""
