"""Logs of other tools, read into one form.

importer  the interface of an importer
read      the importers, and the choice of one for a path
formats   the importers themselves
outcomes  results by question and sample
mirrors   runs of ours from their W&B mirrors
limits    limits of an import
logged    the common result of all importers
rows      rows, and the choice of the step column
settings  YAML from untrusted sources
spec      the options of an import
named_runs  runs that several files call by one name
whose     arm, seed and keys of every run
scores    metrics as scores
plan      manifest and records of an import
decodings  the decoding under which results are compared
by_question  results by question to a study
study     imported logs to compact logs
"""
