"""Evaluations beside each other, whoever made them: `python -m analysis evaluate`.

named    which evaluations were given, and what they are called
scores   one evaluation under one decoding
paired   two evaluations, question by question
flags    what makes a comparison less than it looks
tables   both tables
command  the command
"""
