"""Logs of other tools, read into one form.

importer  what an importer is
read      the importers, and which one a path needs
formats   the importers themselves
outcomes  results by question and sample
mirrors   runs of ours by their W&B mirrors
limits    how much is read
logged    what every importer gives
rows      rows, and which column is the step
settings  YAML from somebody else
spec      what an import must be told
named_runs  runs that several files call by one name
whose     arm, seed and keys of every run
scores    metrics as scores
plan      manifest and records of an import
decodings  under which decoding results are compared
by_question  results by question to a study
study     compact logs out of it all
"""
